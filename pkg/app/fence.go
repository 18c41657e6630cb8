package app

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// errFenced is a write that comes too late.
var errFenced = errors.New("refusing to write: the lease of this replica has not been renewed in time, another one may be the leader")

// fence keeps a replica that was stopped, or cut off, from writing when it comes
// back: somebody else may be the leader since. It sees the renewals of the lease
// go by, and lets no other write pass when the last one is older than the time in
// which a leader has to renew it. Before the first renewal everything passes:
// whoever is not the leader yet writes nothing but the lease.
type fence struct {
	lease  string
	within time.Duration
	clock  clock.PassiveClock

	mu      sync.Mutex
	renewed time.Time
}

// wrap puts the fence in front of a transport.
func (f *fence) wrap(next http.RoundTripper) http.RoundTripper {
	if f.lease == "" { // nobody is elected
		return next
	}
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodGet || req.Method == http.MethodHead {
			return next.RoundTrip(req)
		}
		if f.isLease(req.URL.Path) {
			began := f.clock.Now()
			resp, err := next.RoundTrip(req)
			if err == nil && resp.StatusCode < http.StatusMultipleChoices {
				f.renew(began)
			}
			return resp, err
		}
		if f.late() {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			return nil, errFenced
		}
		return next.RoundTrip(req)
	})
}

// isLease reports a write to the lease: its creation or its renewal.
func (f *fence) isLease(path string) bool {
	return strings.HasSuffix(path, "/leases/"+f.lease) || strings.HasSuffix(path, "/leases")
}

func (f *fence) renew(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed = at
}

func (f *fence) late() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.renewed.IsZero() && f.clock.Since(f.renewed) > f.within
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip makes the request.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
