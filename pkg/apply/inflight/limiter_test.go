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

// limit is how many requests are admitted at present.
func limit(l *Limiter) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}

// begin takes slots that are free.
func begin(t *testing.T, l *Limiter, n int) []*Slot {
	t.Helper()
	var taken []*Slot
	for range n {
		s, err := l.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, s)
	}
	return taken
}

func TestRefusals(t *testing.T) {
	const highest = 16
	clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
	l := New(highest, clk)
	taken := begin(t, l, highest)
	full, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Begin(full); !errors.Is(err, context.Canceled) {
		t.Errorf("beyond the limit: got %v", err)
	}
	busy := apierrors.NewTooManyRequests("slow down", 1)
	taken[0].End(busy)
	taken[1].End(busy)
	if got := limit(l); got != highest/2 {
		t.Errorf("one burst of refusals: limit %d", got)
	}
	clk.Step(backOffEvery)
	taken[2].End(busy)
	if got := limit(l); got != highest/4 {
		t.Errorf("after a second: limit %d", got)
	}
	taken[3].End(errors.New("not found"))
	if got := limit(l); got != highest/4 {
		t.Errorf("an answer that says nothing about load: limit %d", got)
	}
}

// TestRecovery brings the limit back by about one for every round of good answers, and
// only while requests need more than there is: an answer that nobody waited behind says
// nothing about what the server takes.
func TestRecovery(t *testing.T) {
	const highest = 8
	cases := map[string]struct {
		why    string
		busy   bool
		rounds int
		want   int
	}{
		"Idle":   {"the limit was not reached", false, 1000, highest / 2},
		"Busy":   {"a little more after every round", true, 2, highest/2 + 1},
		"Capped": {"no more than the highest", true, 1000, highest},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := New(highest, clocktesting.NewFakeClock(time.Unix(1000, 0)))
			begin(t, l, 1)[0].End(apierrors.NewTooManyRequests("slow down", 1))
			flying := begin(t, l, 1)
			for range c.rounds {
				if c.busy {
					flying = append(flying, begin(t, l, limit(l)-len(flying))...)
				}
				for i := range flying {
					flying[i].End(nil)
					flying[i] = begin(t, l, 1)[0]
				}
			}
			if got := limit(l); got != c.want {
				t.Errorf("%s: limit %d, want %d", c.why, got, c.want)
			}
		})
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
		_, err := l.Begin(ctx)
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
