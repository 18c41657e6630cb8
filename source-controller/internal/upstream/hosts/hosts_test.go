package hosts_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/hosts"
)

const (
	least = time.Second
	most  = 15 * time.Minute
)

// rig asks hosts through a back-off; answer is what is on the other side.
type rig struct {
	clock  *clocktesting.FakeClock
	client http.RoundTripper
	asked  int
	answer func(*http.Request) (*http.Response, error)
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{clock: clocktesting.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	h := hosts.New(hosts.Options{Clock: r.clock, Least: least, Most: most, Random: func() float64 { return 0 }})
	r.client = h.Around(roundTrip(func(req *http.Request) (*http.Response, error) {
		r.asked++
		return r.answer(req)
	}))
	return r
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// ask makes a request in the name of a namespace and returns for how long it was not
// made; zero if it was.
func (r *rig) ask(t *testing.T, ctx context.Context, url string) time.Duration { //nolint:revive // t first, as in helpers
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.client.RoundTrip(req)
	if err == nil {
		_ = res.Body.Close()
	}
	var paused *hosts.PausedError
	if errors.As(err, &paused) {
		return paused.For
	}
	return 0
}

func as(t *testing.T, namespace string) context.Context {
	t.Helper()
	return hosts.For(t.Context(), namespace, false)
}

func status(code int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		res := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}
		for i := 0; i+1 < len(header); i += 2 {
			res.Header.Set(header[i], header[i+1])
		}
		return res, nil
	}
}

func fails(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func refused() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

const shared = "https://git.example.com/shop/deploy"

// TestWhatSpacesWhom says after which ends of a request others are not made: of everybody,
// of the same namespace, of nobody. What a tenant can bring about by its own repository,
// Secret or time-out must not keep others from a host.
func TestWhatSpacesWhom(t *testing.T) {
	timeout := &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
	for name, tc := range map[string]struct {
		why          string
		end          func(*http.Request) (*http.Response, error)
		took         time.Duration
		same, others time.Duration
	}{
		"Refused":        {"nobody can connect", fails(refused()), 0, least, least},
		"Unreachable":    {"nor route to it", fails(fmt.Errorf("proxying: %w", &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH})), 0, least, least},
		"NoSuchHost":     {"nor find it", fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}), 0, least, least},
		"DialTakesLong":  {"it drops what is sent to it", fails(timeout), 10 * time.Second, least, least},
		"DialTooShort":   {"who allows a millisecond finds out nothing about the host", fails(timeout), time.Millisecond, least, 0},
		"AnswerTooLate":  {"the time-out is a tenant's, and so is the repository that takes long", fails(context.DeadlineExceeded), time.Minute, least, 0},
		"ServerError":    {"a broken repository can be a tenant's own", status(http.StatusInternalServerError), 0, least, 0},
		"Unavailable":    {"the same", status(http.StatusServiceUnavailable), 0, least, 0},
		"TooMany":        {"a limit is often that of a credential", status(http.StatusTooManyRequests), 0, least, 0},
		"RetryAfter":     {"the server says how long", status(http.StatusTooManyRequests, "Retry-After", "120"), 0, 2 * time.Minute, 0},
		"RetryAfterDate": {"or until when", status(http.StatusServiceUnavailable, "Retry-After", "Fri, 02 Jan 2026 03:09:05 GMT"), 0, 5 * time.Minute, 0},
		"RetryAfterPast": {"which may have passed", status(http.StatusServiceUnavailable, "Retry-After", "Thu, 01 Jan 2026 00:00:00 GMT"), 0, least, 0},
		"RetryAfterLong": {"but not for ever", status(http.StatusTooManyRequests, "Retry-After", "2147483647"), 0, most, 0},
		"RetryAfterBad":  {"nor what cannot be read", status(http.StatusTooManyRequests, "Retry-After", "-99999999999999999999"), 0, least, 0},
		"BrokenOff":      {"the connection can break because of what was asked for", fails(io.EOF), 0, least, 0},
		"Unauthorized":   {"credentials are the tenant's", status(http.StatusUnauthorized), 0, 0, 0},
		"Forbidden":      {"rights as well", status(http.StatusForbidden), 0, 0, 0},
		"NotFound":       {"the repository as well", status(http.StatusNotFound), 0, 0, 0},
		"Untrusted":      {"the certificate authority can be a tenant's", fails(&tls.CertificateVerificationError{Err: errors.New("unknown authority")}), 0, 0, 0},
		"Denied":         {"we do not dial it", fails(&net.OpError{Op: "dial", Err: &egress.DeniedError{Address: netip.MustParseAddr("169.254.0.1")}}), 0, 0, 0},
		"GivenUp":        {"the process ends", fails(&net.OpError{Op: "dial", Err: context.Canceled}), 0, 0, 0},
		"Answered":       {"all is well", status(http.StatusOK), 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.answer = func(req *http.Request) (*http.Response, error) {
				r.clock.Step(tc.took)
				return tc.end(req)
			}
			r.ask(t, as(t, "apps"), shared)
			r.answer = status(http.StatusOK)
			// Those that wait first: an answer clears what was.
			if got := r.ask(t, as(t, "apps"), "https://GIT.example.com.:443/other"); got != tc.same {
				t.Errorf("%s: the same namespace waits for %s, want %s", tc.why, got, tc.same)
			}
			if got := r.ask(t, as(t, "others"), shared); got != tc.others {
				t.Errorf("%s: another namespace waits for %s, want %s", tc.why, got, tc.others)
			}
			if got := r.ask(t, as(t, "apps"), "https://other.example.com/x"); got != 0 {
				t.Errorf("%s: another host waits for %s", tc.why, got)
			}
			if got := r.ask(t, as(t, "apps"), "https://git.example.com:8443/x"); got != 0 {
				t.Errorf("%s: another port waits for %s", tc.why, got)
			}
		})
	}
}

// TestManyObjectsAreOneCaller has a hundred objects of ten namespaces ask a host that is
// away every second, for ten minutes.
func TestManyObjectsAreOneCaller(t *testing.T) {
	r := newRig(t)
	r.answer = fails(refused())
	for range 600 {
		for n := range 100 {
			if wait := r.ask(t, as(t, fmt.Sprintf("tenant-%d", n%10)), shared); wait > time.Minute {
				t.Fatalf("an object waits for %s", wait)
			}
		}
		r.clock.Step(time.Second)
	}
	// One, two, four, … up to a minute: six until the first minute is over, then one each.
	if r.asked < 10 || r.asked > 16 {
		t.Errorf("the host was asked %d times", r.asked)
	}

	r.answer = status(http.StatusOK)
	r.clock.Step(time.Minute)
	for n := range 100 {
		if wait := r.ask(t, as(t, fmt.Sprintf("tenant-%d", n%10)), shared); wait != 0 {
			t.Fatalf("the host is back, and object %d waits for %s", n, wait)
		}
	}
}

// TestNobodyKeepsTheSlot says that a tenant whose requests come to nothing does not keep
// the others from finding out that a host is back.
func TestNobodyKeepsTheSlot(t *testing.T) {
	for name, end := range map[string]error{
		"TimeoutOfAMillisecond": context.DeadlineExceeded,
		"ForeignAuthority":      &tls.CertificateVerificationError{Err: errors.New("unknown authority")},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.answer = fails(refused())
			for range 10 {
				r.ask(t, as(t, "apps"), shared)
				r.clock.Step(time.Minute)
			}
			r.answer = fails(end)
			r.ask(t, as(t, "tenant"), shared)
			r.answer = status(http.StatusOK)
			if wait := r.ask(t, as(t, "apps"), shared); wait != 0 {
				t.Errorf("waits for %s", wait)
			}
		})
	}
}

// TestOneIsLetThrough says that of those who waited, one finds out.
func TestOneIsLetThrough(t *testing.T) {
	r := newRig(t)
	r.answer = fails(refused())
	r.ask(t, as(t, "apps"), shared)
	r.clock.Step(least)
	r.answer = func(*http.Request) (*http.Response, error) {
		if wait := r.ask(t, as(t, "others"), shared); wait != least {
			t.Errorf("while one is under way, the next waits for %s", wait)
		}
		return nil, refused()
	}
	if wait := r.ask(t, as(t, "apps"), shared); wait != 0 {
		t.Errorf("nobody finds out: %s", wait)
	}
	if wait := r.ask(t, as(t, "others"), shared); wait != 2*least {
		t.Errorf("the pause has not doubled: %s", wait)
	}
	r.answer = status(http.StatusOK)
	if wait := r.ask(t, hosts.For(t.Context(), "apps", true), shared); wait != 0 {
		t.Errorf("what somebody asked for waits for %s", wait)
	}
}

// TestFailuresAtOnceCountOnce says that requests that were under way together when the
// host went away double the pause once.
func TestFailuresAtOnceCountOnce(t *testing.T) {
	r := newRig(t)
	depth := 0
	r.answer = func(*http.Request) (*http.Response, error) {
		if depth++; depth < 10 {
			r.ask(t, as(t, "apps"), shared)
		}
		r.clock.Step(time.Millisecond)
		return nil, refused()
	}
	r.ask(t, as(t, "apps"), shared)
	if wait := r.ask(t, as(t, "apps"), shared); r.asked != 10 || wait > least {
		t.Errorf("after %d requests the host waits for %s", r.asked, wait)
	}
}

// TestHostsAreBounded says that who names many hosts fills no memory, and keeps nobody
// from a host that is well.
func TestHostsAreBounded(t *testing.T) {
	r := newRig(t)
	r.answer = fails(refused())
	const many = 5000
	for n := range many {
		r.ask(t, as(t, "tenant"), fmt.Sprintf("https://host-%d.example.com/x", n))
	}
	waiting := 0
	for n := range many {
		before := r.asked
		if r.ask(t, as(t, "tenant"), fmt.Sprintf("https://host-%d.example.com/x", n)) > 0 && r.asked == before {
			waiting++
		}
	}
	if waiting > 1024 {
		t.Errorf("%d hosts are remembered", waiting)
	}
	r.answer = status(http.StatusOK)
	if wait := r.ask(t, as(t, "apps"), shared); wait != 0 {
		t.Errorf("a host that is well waits for %s", wait)
	}
}

// TestTextIsTheSame says that the message does not change while a host is away.
func TestTextIsTheSame(t *testing.T) {
	want := "git.example.com did not answer when it was asked last, and is asked again after a pause"
	for _, wait := range []time.Duration{time.Second, time.Minute} {
		if got := (&hosts.PausedError{Host: "git.example.com", For: wait}).Error(); got != want {
			t.Errorf("got %q", got)
		}
	}
}

// TestUrgentTakesNoTurn says that what a tenant asks for by annotation, however often and
// however it ends, changes nothing about when the others may ask.
func TestUrgentTakesNoTurn(t *testing.T) {
	r := newRig(t)
	r.answer = fails(refused())
	r.ask(t, as(t, "apps"), shared)
	for _, end := range []func(*http.Request) (*http.Response, error){
		fails(context.DeadlineExceeded), fails(&tls.CertificateVerificationError{Err: errors.New("unknown authority")}),
	} {
		r.answer = end
		r.ask(t, hosts.For(t.Context(), "hasty", true), shared)
		if got := r.ask(t, as(t, "others"), shared); got != least {
			t.Errorf("the others wait for %s, want %s", got, least)
		}
	}
	if r.asked != 3 {
		t.Errorf("the host was asked %d times", r.asked)
	}
}

// TestNobodyWaitsForLongerThanTheMost caps what a host asks for after it was spread.
func TestNobodyWaitsForLongerThanTheMost(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Unix(0, 0))
	h := hosts.New(hosts.Options{Clock: clock, Least: least, Most: most, Random: func() float64 { return 1 }})
	client := h.Around(roundTrip(status(http.StatusTooManyRequests, "Retry-After", "900")))
	r := &rig{clock: clock, client: client}
	r.ask(t, as(t, "apps"), shared)
	if got := r.ask(t, as(t, "apps"), shared); got != most {
		t.Errorf("it waits for %s, want %s", got, most)
	}
}
