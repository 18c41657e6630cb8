package hosts

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// caller is who makes a request.
type caller struct {
	namespace string
	urgent    bool
}

type callerKey struct{}

// For says in whose name requests are made. Those that somebody asked for are urgent:
// they are made at once.
func For(ctx context.Context, namespace string, urgent bool) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{namespace: namespace, urgent: urgent})
}

// Around returns a transport that makes the requests of another, unless their host is not
// to be asked now. Then it returns a PausedError.
func (h *Hosts) Around(next http.RoundTripper) http.RoundTripper {
	return &transport{hosts: h, next: next}
}

type transport struct {
	hosts *Hosts
	next  http.RoundTripper
}

// CloseIdleConnections lets go of connections that nobody uses.
func (t *transport) CloseIdleConnections() { (&http.Client{Transport: t.next}).CloseIdleConnections() }

// RoundTrip makes a request and learns from how it ends.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	who, _ := req.Context().Value(callerKey{}).(caller)
	host := key{origin: egress.Origin(req.URL)}
	own := key{origin: host.origin, namespace: "/" + who.namespace} // never that of everybody
	began, wait := t.hosts.ask([]key{host, own}, who.urgent)
	if wait > 0 {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &PausedError{Host: req.URL.Hostname(), For: wait, Everybody: t.hosts.paused(host)}
	}
	res, err := t.next.RoundTrip(req)
	switch verdictOf(req.Context(), res, err, t.hosts.o.Clock.Since(began)) {
	case answered:
		t.hosts.clear(host)
		t.hosts.clear(own)
	case unreachable:
		t.hosts.fail(host, began, 0)
	case unserved:
		t.hosts.clear(host)
		t.hosts.fail(own, began, t.hosts.retryAfter(res))
	case late:
		t.giveBack(who, host)
		t.hosts.fail(own, began, 0)
	case nothing:
		t.giveBack(who, host, own)
	}
	return res, err
}

// giveBack gives up the turns that a request took; an urgent one took none.
func (t *transport) giveBack(who caller, keys ...key) {
	for _, k := range keys {
		if !who.urgent {
			t.hosts.giveBack(k)
		}
	}
}

// fairTime is how long a host may take to accept a connection. A caller that allows less
// than that finds out nothing about it.
const fairTime = 5 * time.Second

// verdict is what the end of a request says about its host.
type verdict int

const (
	nothing     verdict = iota // whoever asked gave up, or did not trust the answer
	answered                   // whatever the answer is
	unreachable                // nobody can connect to it
	unserved                   // it cannot serve this request
	late                       // not in the time that its caller allows
)

func verdictOf(ctx context.Context, res *http.Response, err error, took time.Duration) verdict {
	switch {
	case err == nil && (res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusTooManyRequests):
		return unserved
	case err == nil:
		return answered
	case isUnreachable(err, took):
		return unreachable
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return late
	case ctx.Err() != nil:
		return nothing
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return unserved
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return late
	}
	return nothing
}

// isUnreachable reports that no connection could be made, and not because its caller gave
// up, allowed it no time, or may not make it.
func isUnreachable(err error, took time.Duration) bool {
	var op *net.OpError
	var denied *egress.DeniedError
	if !errors.As(err, &op) || op.Op != "dial" || errors.As(err, &denied) || errors.Is(err, context.Canceled) {
		return false
	}
	return !op.Timeout() || took >= fairTime
}

// retryAfter reads for how long the host does not want to be asked.
func (h *Hosts) retryAfter(res *http.Response) time.Duration {
	if res == nil {
		return 0
	}
	text := res.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(h.o.Clock.Now()), 0)
	}
	return 0
}
