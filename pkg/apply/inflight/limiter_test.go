package inflight

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clocktesting "k8s.io/utils/clock/testing"
)

// begin takes slots that are free.
func begin(t *testing.T, l *Limiter, n int) []*Slot {
	t.Helper()
	var taken []*Slot
	for range n {
		s, err := l.Begin(t.Context(), Request{})
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, s)
	}
	return taken
}

func TestRefusals(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
	l := New(20, clk)
	taken := begin(t, l, first)
	full, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Begin(full, Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("beyond the limit: got %v", err)
	}
	busy := apierrors.NewTooManyRequests("slow down", 1)
	taken[0].End(busy)
	taken[1].End(busy)
	if got := l.Limit(); got != first/2 {
		t.Errorf("one burst of refusals: limit %d", got)
	}
	clk.Step(backOffEvery)
	taken[2].End(busy)
	if got := l.Limit(); got != first/4 {
		t.Errorf("after a second: limit %d", got)
	}
	taken[3].End(errors.New("not found"))
	if got := l.Limit(); got != first/4 {
		t.Errorf("an answer that says nothing about load: limit %d", got)
	}
}

// TestIdle keeps the limit where no request waits for it: a limit that grows
// without having been reached means nothing.
func TestIdle(t *testing.T) {
	l := New(Default, clocktesting.NewFakeClock(time.Unix(1000, 0)))
	for range 1000 {
		begin(t, l, 1)[0].End(nil)
	}
	if got := l.Limit(); got != first {
		t.Errorf("got %d", got)
	}
}

// queueing is the simulation of a server: requests are begun whenever the limiter
// has room, and each occupies one of the cores for its service time.
type queueing struct {
	cores int
	// next describes request number n.
	next func(n int) (Request, time.Duration)
}

// run lets a limiter loose on the server for a time, and returns how busy the
// cores were in the last half of it.
func (q queueing) run(t *testing.T, l *Limiter, clk *clocktesting.FakeClock, length time.Duration) (utilised float64) {
	t.Helper()
	type running struct {
		slot *Slot
		ends time.Time
	}
	began := clk.Now()
	free := make([]time.Time, q.cores)
	for i := range free {
		free[i] = began
	}
	var flying []running
	var used time.Duration
	for n := 0; clk.Since(began) < length; {
		for len(flying) < l.Limit() {
			request, service := q.next(n)
			n++
			slot, err := l.Begin(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			core := 0
			for i := range free {
				if free[i].Before(free[core]) {
					core = i
				}
			}
			start := free[core]
			if start.Before(clk.Now()) {
				start = clk.Now()
			}
			free[core] = start.Add(service)
			if start.Sub(began) > length/2 {
				used += service
			}
			flying = append(flying, running{slot, free[core]})
		}
		soonest := 0
		for i := range flying {
			if flying[i].ends.Before(flying[soonest].ends) {
				soonest = i
			}
		}
		done := flying[soonest]
		flying = append(flying[:soonest], flying[soonest+1:]...)
		clk.SetTime(done.ends)
		done.slot.End(nil)
	}
	for _, r := range flying {
		r.slot.End(nil)
	}
	return used.Seconds() / (length / 2).Seconds() / float64(q.cores)
}

func TestLatency(t *testing.T) {
	const unit = 5 * time.Millisecond
	small := Request{Kind: DryRun, Bytes: 500}
	same := func(int) (Request, time.Duration) { return small, unit }
	cases := map[string]struct {
		why         string
		server      queueing
		least, most int
		busy        float64
	}{
		"TwoCores": {"a short line keeps two cores busy; a long one serves nobody", queueing{2, same}, 5, 12, 0.97},
		"OneCore":  {"slow answers alone do not stop us", queueing{1, same}, fewest, 8, 0.97},
		"Wide":     {"a server that takes more gets more", queueing{80, same}, Default, Default, 0},
		"LargeObjects": {"a large object is slow by itself, which says nothing about load", queueing{80, func(n int) (Request, time.Duration) {
			if n%3 == 0 {
				return Request{Kind: DryRun, Bytes: 300_000}, 40 * unit
			}
			return small, unit
		}}, Default, Default, 0},
		"LargeObjectsLater": {"small objects first and then large ones only", queueing{80, func(n int) (Request, time.Duration) {
			if n > 5000 {
				return Request{Kind: DryRun, Bytes: 300_000}, 40 * unit
			}
			return small, unit
		}}, Default, Default, 0},
		"Webhook": {"one object in five waits for a slow webhook", queueing{80, func(n int) (Request, time.Duration) {
			if n%5 == 0 {
				return small, 200 * unit
			}
			return small, unit
		}}, Default, Default, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
			l := New(Default, clk)
			utilised := c.server.run(t, l, clk, 10*time.Second)
			if got := l.Limit(); got < c.least || got > c.most {
				t.Errorf("%s: limit %d, want %d to %d", c.why, got, c.least, c.most)
			}
			if utilised < c.busy {
				t.Errorf("%s: the cores are busy for %.2f of the time", c.why, utilised)
			}
		})
	}
}

// TestSlower follows a server that becomes slower for good: when fewer requests
// do not make it faster, it is taken for what it is.
func TestSlower(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
	l := New(Default, clk)
	service := 5 * time.Millisecond
	server := queueing{80, func(int) (Request, time.Duration) { return Request{}, service }}
	server.run(t, l, clk, 8*time.Second)
	service *= 10
	server.run(t, l, clk, 15*time.Second)
	if got := l.Limit(); got != Default {
		t.Errorf("limit %d", got)
	}
}

// TestSteady keeps its limit on a server whose answers become slow, and still gives way
// to refusals, from which it comes back.
func TestSteady(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
	l := NewSteady(Default, clk)
	server := queueing{2, func(int) (Request, time.Duration) { return Request{}, 5 * time.Millisecond }}
	server.run(t, l, clk, 10*time.Second)
	if got := l.Limit(); got != Default {
		t.Errorf("slow answers: limit %d", got)
	}
	begin(t, l, 1)[0].End(apierrors.NewTooManyRequests("slow down", 1))
	if got := l.Limit(); got != Default/2 {
		t.Errorf("a refusal: limit %d", got)
	}
	server.run(t, l, clk, time.Minute)
	if got := l.Limit(); got != Default {
		t.Errorf("good answers since: limit %d", got)
	}
}

// TestForgets drops best times that are minutes old.
func TestForgets(t *testing.T) {
	l := newLatency()
	start := time.Unix(1000, 0)
	l.observe(Request{}, 2*time.Millisecond, start)
	l.observe(Request{}, 50*time.Millisecond, start.Add(slots*slotTime/2))
	if got := least(&l.best[0]); got != 2*time.Millisecond {
		t.Errorf("got %s", got)
	}
	l.observe(Request{}, 60*time.Millisecond, start.Add(slots*slotTime))
	if got := least(&l.best[0]); got != 50*time.Millisecond {
		t.Errorf("after %s: got %s", slots*slotTime, got)
	}
}

func TestClasses(t *testing.T) {
	for bytes, want := range map[int]int{0: 0, 1024: 0, 1025: 1, 4096: 1, 4097: 2, 1 << 20: 5, 1<<20 + 1: 6, 1 << 30: 6} {
		if got := (Request{Bytes: bytes}).class(); got != want {
			t.Errorf("%d bytes: class %d, want %d", bytes, got, want)
		}
	}
	if got := (Request{Kind: Write, Bytes: 1 << 30}).class(); got != kinds*sizes-1 {
		t.Errorf("the last class: got %d", got)
	}
}

// TestTurns serves waiters by priority, and flows of equal priority in turn: one
// unit with many objects does not hold up another with one.
func TestTurns(t *testing.T) {
	const audits = "audit"
	cases := map[string]struct {
		why, arrive, want string
	}{
		"Turns":    {"a flow with one waits for one of a flow with many", "aaaaab", "abaaaa"},
		"Three":    {"every flow has its turn", "aaabbc", "abcaba"},
		"Priority": {"changes go before audits", "XXXab", "abXXX"},
		"Patience": {"an audit is not put off for ever", "X" + strings.Repeat("a", patience+4), strings.Repeat("a", patience) + "X" + strings.Repeat("a", 4)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var l line
			for _, who := range c.arrive {
				f := Flow{Key: string(who)}
				if who == 'X' {
					f = Flow{Key: audits, Priority: Audit}
				}
				l.join(f)
			}
			var served strings.Builder
			for w := l.next(); w != nil; w = l.next() {
				if w.flow.Key == audits {
					served.WriteString("X")
					continue
				}
				served.WriteString(w.flow.Key.(string))
			}
			if diff := cmp.Diff(c.want, served.String()); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
			if !l.empty() {
				t.Error("somebody is left")
			}
		})
	}
}

// TestAbandon takes those out of the line who do not wait any more, and hands on
// a turn that came too late.
func TestAbandon(t *testing.T) {
	l := New(1, clocktesting.NewFakeClock(time.Unix(1000, 0)))
	held := begin(t, l, 1)[0]
	ctx, cancel := context.WithCancel(With(t.Context(), Flow{Key: "a"}))
	gone := make(chan error, 1)
	go func() {
		_, err := l.Begin(ctx, Request{})
		gone <- err
	}()
	waits := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return !l.line.empty()
	}
	for !waits() {
		runtime.Gosched()
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if waits() {
		t.Error("it still waits")
	}
	l.mu.Lock()
	late := l.line.join(Flow{Key: "b"})
	l.mu.Unlock()
	held.End(nil)
	<-late.turn
	l.abandon(late)
	begin(t, l, 1)[0].End(nil)
}
