package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// acceptor is the far end of the intake.
type acceptor struct {
	mu     sync.Mutex
	events []eventv1.Event
	err    error
}

func (a *acceptor) accept(_ context.Context, e eventv1.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	a.events = append(a.events, e)
	return nil
}

func encoded(t *testing.T, e eventv1.Event) []byte {
	t.Helper()
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func send(t *testing.T, h http.Handler, body []byte) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/any/path", bytes.NewReader(body)))
	return w.Result()
}

func TestHandler(t *testing.T) {
	whole := encoded(t, event())
	cases := map[string]struct {
		why    string
		body   []byte
		err    error
		status int
		taken  int
	}{
		"Event":    {"an event is accepted", whole, nil, 202, 1},
		"Garbage":  {"what is no event is refused", []byte("{"), nil, 400, 0},
		"TooLarge": {"3 MiB and a byte", bytes.Repeat([]byte("x"), maxBody+1), nil, 413, 0},
		"Largest":  {"3 MiB are read", append(bytes.Clone(whole), bytes.Repeat([]byte(" "), maxBody-len(whole))...), nil, 202, 1},
		"NoDisk":   {"nothing is acknowledged that is not stored", whole, errors.New("no space left"), 503, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := &acceptor{err: tc.err}
			h := NewHandler(Options{Interval: time.Minute, Accept: a.accept, Clock: clocktesting.NewFakePassiveClock(epoch), Log: logr.Discard()})
			res := send(t, h, tc.body)
			if res.StatusCode != tc.status || len(a.events) != tc.taken {
				t.Errorf("%s: %d with %d events, want %d with %d", tc.why, res.StatusCode, len(a.events), tc.status, tc.taken)
			}
			answer, err := io.ReadAll(res.Body)
			if err != nil || strings.Contains(string(answer), "no space") {
				t.Errorf("the answer shows the cause: %q (%v)", answer, err)
			}
		})
	}
}

func TestTokenIsTakenOut(t *testing.T) {
	a := &acceptor{}
	h := NewHandler(Options{Accept: a.accept, Clock: clocktesting.NewFakePassiveClock(epoch), Log: logr.Discard()})
	send(t, h, encoded(t, event(meta(group+"/token", "t", group+"/revision", "r", "foreign", "f"))))
	if diff := cmp.Diff(map[string]string{group + "/revision": "r"}, a.events[0].Metadata); diff != "" {
		t.Error(diff)
	}
}

func TestDuplicates(t *testing.T) {
	a := &acceptor{}
	clock := clocktesting.NewFakePassiveClock(epoch)
	h := NewHandler(Options{Interval: 5 * time.Minute, Accept: a.accept, Clock: clock, Log: logr.Discard()})
	other := event(func(e *eventv1.Event) { e.Message = "something else" })
	steps := []struct {
		why    string
		at     time.Duration
		event  eventv1.Event
		err    error
		status int
		reset  time.Duration
	}{
		{"what could not be stored takes no entry", 0, event(), errors.New("disk full"), 503, 0},
		{"so it may come again", 0, event(), nil, 202, 5 * time.Minute},
		{"a duplicate is turned away", time.Minute, event(), nil, 429, 5 * time.Minute},
		{"another message is not a duplicate", time.Minute, other, nil, 202, 6 * time.Minute},
		{"being turned away does not prolong", 5*time.Minute - time.Second, event(), nil, 429, 5 * time.Minute},
		{"after the interval it is new", 5 * time.Minute, event(), nil, 202, 10 * time.Minute},
	}
	for _, step := range steps {
		clock.SetTime(epoch.Add(step.at))
		a.err = step.err
		res := send(t, h, encoded(t, step.event))
		if res.StatusCode != step.status {
			t.Errorf("%s: %d, want %d", step.why, res.StatusCode, step.status)
		}
		if step.reset == 0 {
			continue
		}
		want := epoch.Add(step.reset).Format(http.TimeFormat)
		if got := res.Header.Get("X-RateLimit-Reset"); got != want || res.Header.Get("X-RateLimit-Limit") != "1" || res.Header.Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("%s: headers %v", step.why, res.Header)
		}
		if got := res.Header.Get("Retry-After"); (got == want) != (step.status == 429) {
			t.Errorf("%s: Retry-After %q", step.why, got)
		}
	}
	if got := len(h.dedupe.entries); got != 2 || len(h.dedupe.order) != 2 {
		t.Errorf("%d keys are remembered, want 2", got)
	}
}

// TestDuplicateWhileStoring: a duplicate that arrives in the middle waits until
// the event is stored; if storing fails it is not a duplicate.
func TestDuplicateWhileStoring(t *testing.T) {
	for first, want := range map[error]bool{nil: true, errors.New("disk full"): false} {
		synctest.Test(t, func(t *testing.T) {
			d := newDedupe(time.Minute, clocktesting.NewFakePassiveClock(epoch))
			begun, release := make(chan struct{}), make(chan struct{})
			go func() {
				_, _, err := d.take(t.Context(), "k", func() error { close(begun); <-release; return first })
				if !errors.Is(err, first) {
					t.Errorf("first: %v", err)
				}
			}()
			<-begun
			stored := false
			result := make(chan bool, 1)
			go func() {
				_, duplicate, err := d.take(t.Context(), "k", func() error { stored = true; return nil })
				if err != nil {
					t.Errorf("second: %v", err)
				}
				result <- duplicate
			}()
			synctest.Wait()
			close(release)
			if got := <-result; got != want || stored == want {
				t.Errorf("first %v: duplicate %t, stored %t", first, got, stored)
			}
		})
	}
}

func TestPanicReleasesTheKey(t *testing.T) {
	d := newDedupe(time.Minute, clocktesting.NewFakePassiveClock(epoch))
	func() {
		defer func() { _ = recover() }()
		_, _, _ = d.take(t.Context(), "k", func() error { panic("boom") })
	}()
	if _, duplicate, err := d.take(t.Context(), "k", func() error { return nil }); duplicate || err != nil {
		t.Errorf("duplicate %t, error %v", duplicate, err)
	}
}

// TestServer holds the limits of the endpoint on a real connection.
func TestServer(t *testing.T) {
	a := &acceptor{}
	registry := prometheus.NewRegistry()
	metrics, err := NewMetrics(registry, true)
	if err != nil {
		t.Fatal(err)
	}
	h := NewHandler(Options{Accept: a.accept, Clock: clocktesting.NewFakePassiveClock(epoch), Count: metrics, Log: logr.Discard()})
	s, err := Listen(t.Context(), "127.0.0.1:0", h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Start(ctx) }()
	if s.server.ReadHeaderTimeout != 10*time.Second || s.server.ReadTimeout != 30*time.Second {
		t.Errorf("timeouts %v, %v", s.server.ReadHeaderTimeout, s.server.ReadTimeout)
	}
	if got := statusOf(t, s.Address(), strings.Repeat("h", 300<<10)); got != 431 {
		t.Errorf("300 KiB of headers: %d", got)
	}
	if got := statusOf(t, s.Address(), strings.Repeat("h", 200<<10)); got != 202 {
		t.Errorf("200 KiB of headers: %d", got)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 3 {
		t.Errorf("metrics: %d families (%v)", len(families), err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Address()); err == nil {
		_ = conn.Close()
		t.Error("the server still listens")
	}
}

func statusOf(t *testing.T, address, header string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", bytes.NewReader(encoded(t, event())))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Big", header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

func TestMetricPathsAreBounded(t *testing.T) {
	m, err := NewMetrics(prometheus.NewRegistry(), true)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range 10 * maxHandlers {
		seen[m.handler(strings.Repeat("/x", i))] = true
	}
	if len(seen) != maxHandlers+1 {
		t.Errorf("%d series, want %d", len(seen), maxHandlers+1)
	}
}
