package events_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/pkg/events"
)

// patience bounds waits for what the spool does by itself.
const patience = 20 * time.Second

// receiver is notification-controller as the spool sees it.
type receiver struct {
	url    string
	client *http.Client
	taken  chan eventv1.Event

	mu      sync.Mutex
	answers []int // the next ones; after them 202
}

func newReceiver(t *testing.T, answers ...int) *receiver {
	t.Helper()
	r := &receiver{answers: answers, taken: make(chan eventv1.Event, 20_000)}
	srv := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(srv.Close)
	r.url, r.client = srv.URL, srv.Client()
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	var event eventv1.Event
	if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if err := json.NewDecoder(req.Body).Decode(&event); err != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	w.WriteHeader(r.answer())
	r.taken <- event
}

func (r *receiver) answer() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.answers) == 0 {
		return http.StatusAccepted
	}
	next := r.answers[0]
	r.answers = r.answers[1:]
	return next
}

// next returns the next event that was posted, whatever the answer to it was.
func (r *receiver) next(t *testing.T) eventv1.Event {
	t.Helper()
	select {
	case e := <-r.taken:
		return e
	case <-time.After(patience):
		t.Fatal("no event was posted")
		return eventv1.Event{}
	}
}

func (r *receiver) reasons(t *testing.T, n int) []string {
	t.Helper()
	var got []string
	for range n {
		got = append(got, r.next(t).Reason)
	}
	return got
}

// start runs the spool until the end of the test, and fails it if the spool does
// not stop.
func start(t *testing.T, spool *events.Spool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- spool.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-stopped:
			if err != nil {
				t.Errorf("the end of the context is no error: %v", err)
			}
		case <-time.After(patience):
			t.Error("the spool does not stop")
		}
	})
	t.Cleanup(stop)
	return stop
}

// pausing is a clock that records which pauses it was asked for.
type pausing struct {
	*clocktesting.FakeClock
	asked chan time.Duration
}

func newPausing() pausing {
	return pausing{FakeClock: clocktesting.NewFakeClock(time.Unix(0, 0)), asked: make(chan time.Duration, 100)}
}

func (p pausing) After(d time.Duration) <-chan time.Time {
	c := p.FakeClock.After(d)
	p.asked <- d
	return c
}

// pause waits until the spool pauses and returns for how long.
func (p pausing) pause(t *testing.T) time.Duration {
	t.Helper()
	select {
	case d := <-p.asked:
		return d
	case <-time.After(patience):
		t.Fatal("the spool does not pause")
		return 0
	}
}

func event(reason string) eventv1.Event { return eventv1.Event{Reason: reason} }

func TestSpoolKeepsOrder(t *testing.T) {
	r := newReceiver(t)
	spool := events.NewSpool(r.url, r.client, clock.RealClock{}, logr.Discard(), nil)
	spool.Put(event("A"))
	spool.Put(event("B"))
	start(t, spool)
	spool.Put(event("C"))
	got := r.reasons(t, 3)
	spool.Put(event("D")) // the spool rests by now, and has to wake
	got = append(got, r.reasons(t, 1)...)
	if diff := cmp.Diff([]string{"A", "B", "C", "D"}, got); diff != "" {
		t.Errorf("events leave in the order they came (-want +got):\n%s", diff)
	}
	if spool.NeedLeaderElection() {
		t.Error("events of a former leader would never leave")
	}
}

// TestSpoolTriesAgain says that an outage of notification-controller loses
// nothing, keeps the order and does not press.
func TestSpoolTriesAgain(t *testing.T) {
	const failures = 8
	answers := make([]int, 0, failures)
	for i := range failures {
		answers = append(answers, []int{http.StatusServiceUnavailable, http.StatusInternalServerError, http.StatusBadGateway}[i%3])
	}
	r := newReceiver(t, answers...)
	c := newPausing()
	var dropped atomic.Int32
	spool := events.NewSpool(r.url, r.client, c, logr.Discard(), func() { dropped.Add(1) })
	start(t, spool)
	spool.Put(event("A"))
	spool.Put(event("B"))
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
		want *= time.Second
		if got := c.pause(t); got < want || got > want+want/10 {
			t.Errorf("pause %d is %s, want %s and at most a tenth more", i+1, got, want)
		}
		c.Step(34 * time.Second)
	}
	got := r.reasons(t, failures+2)
	if diff := cmp.Diff([]string{"A", "A", "A", "A", "A", "A", "A", "A", "A", "B"}, got); diff != "" {
		t.Errorf("the first is tried until it is taken, the second waits (-want +got):\n%s", diff)
	}
	if dropped.Load() != 0 {
		t.Errorf("%d events were given up", dropped.Load())
	}
}

func TestSpoolAnswers(t *testing.T) {
	cases := map[string]struct {
		why     string
		answer  int
		dropped int32
	}{
		"OK":        {"taken", http.StatusOK, 0},
		"Accepted":  {"taken", http.StatusAccepted, 0},
		"Duplicate": {"too many requests means that it was heard already", http.StatusTooManyRequests, 0},
		"Malformed": {"what is refused once is refused always", http.StatusBadRequest, 1},
		"NotFound":  {"a wrong address is no reason to keep everything waiting", http.StatusNotFound, 1},
		"TooLarge":  {"what is too large stays too large", http.StatusRequestEntityTooLarge, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, tc.answer)
			var dropped atomic.Int32
			spool := events.NewSpool(r.url, r.client, newPausing(), logr.Discard(), func() { dropped.Add(1) })
			start(t, spool)
			spool.Put(event("A"))
			spool.Put(event("B"))
			if diff := cmp.Diff([]string{"A", "B"}, r.reasons(t, 2)); diff != "" {
				t.Errorf("%s: the next event goes out at once (-want +got):\n%s", tc.why, diff)
			}
			if dropped.Load() != tc.dropped {
				t.Errorf("%s: %d events were counted as given up", tc.why, dropped.Load())
			}
		})
	}
}

func TestSpoolRefusesBadAddress(t *testing.T) {
	dropped := make(chan struct{}, 1)
	spool := events.NewSpool("http://bad\x00host", http.DefaultClient, newPausing(), logr.Discard(), func() { dropped <- struct{}{} })
	start(t, spool)
	spool.Put(event("A"))
	select {
	case <-dropped:
	case <-time.After(patience):
		t.Error("an address that cannot be requested keeps the spool busy for ever")
	}
}

// TestSpoolIsBounded says that a long outage costs the oldest events, not the
// memory of the controller.
func TestSpoolIsBounded(t *testing.T) {
	const bound, more = 10_000, 3
	r := newReceiver(t)
	var dropped atomic.Int32
	spool := events.NewSpool(r.url, r.client, clock.RealClock{}, logr.Discard(), func() { dropped.Add(1) })
	for i := range bound + more {
		spool.Put(event(fmt.Sprint(i)))
	}
	if dropped.Load() != more {
		t.Errorf("%d events were given up, want %d", dropped.Load(), more)
	}
	start(t, spool)
	if got := r.next(t).Reason; got != fmt.Sprint(more) {
		t.Errorf("the oldest that is left is %s, want %d", got, more)
	}
}

// TestSpoolStopsWhilePausing says that a controller can end during an outage,
// and that this is no loss to complain about.
func TestSpoolStopsWhilePausing(t *testing.T) {
	r := newReceiver(t, http.StatusServiceUnavailable)
	c := newPausing()
	var dropped atomic.Int32
	spool := events.NewSpool(r.url, r.client, c, logr.Discard(), func() { dropped.Add(1) })
	stop := start(t, spool)
	spool.Put(event("A"))
	c.pause(t)
	stop()
	if dropped.Load() != 0 {
		t.Error("the end of the process is counted as a refusal")
	}
}

func TestSpoolSurvivesAnUnreachableReceiver(t *testing.T) {
	r := newReceiver(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	var here atomic.Bool
	transport := roundTripper(func(req *http.Request) (*http.Response, error) {
		target := gone.URL
		if here.Load() {
			target = r.url
		}
		again := req.Clone(req.Context())
		again.URL.Host = target[len("http://"):]
		return http.DefaultTransport.RoundTrip(again)
	})
	c := newPausing()
	spool := events.NewSpool("http://notification-controller.invalid/", &http.Client{Transport: transport}, c, logr.Discard(), nil)
	start(t, spool)
	spool.Put(event("A"))
	c.pause(t)
	here.Store(true)
	c.Step(2 * time.Second)
	if got := r.next(t).Reason; got != "A" {
		t.Errorf("got %s", got)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
