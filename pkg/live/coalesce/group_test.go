package coalesce_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/live/coalesce"
)

// TestGroup answers everyone by the first run that began late enough, and keeps
// the starts of runs apart.
func TestGroup(t *testing.T) {
	start := time.Unix(1000, 0)
	clk := clocktesting.NewFakeClock(start)
	runs := coalesce.New(clk, time.Second)
	var answers []string
	ask := func(name string, since time.Time) (fresh, run bool) {
		return runs.Ask(since, func(err error) {
			if err != nil {
				name += " " + err.Error()
			}
			answers = append(answers, name)
		})
	}
	if fresh, run := ask("first", start); fresh || !run {
		t.Fatalf("fresh %t, run %t", fresh, run)
	}
	if fresh, run := ask("second", start); fresh || run {
		t.Fatalf("fresh %t, run %t: somebody runs already", fresh, run)
	}
	ended := make(chan struct{})
	count := 0
	go func() {
		defer close(ended)
		runs.Run(t.Context(), func(context.Context) error {
			runs.Began(clk.Now())
			if count++; count == 1 {
				ask("late", clk.Now().Add(time.Millisecond))
				return errors.New("down")
			}
			runs.Succeeded(clk.Now())
			return nil
		})
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10000 {
		if clk.HasWaiters() {
			break
		}
		<-tick.C
	}
	clk.Step(time.Second)
	<-ended
	if want := []string{"first down", "second down", "late"}; !slices.Equal(answers, want) {
		t.Errorf("got %v, want %v", answers, want)
	}
	if fresh, run := ask("satisfied", start); !fresh || run {
		t.Errorf("fresh %t, run %t: a run began late enough", fresh, run)
	}
	if fresh, run := ask("again", clk.Now().Add(1)); fresh || !run {
		t.Errorf("fresh %t, run %t", fresh, run)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runs.Run(ctx, func(ctx context.Context) error { return ctx.Err() })
	if got := answers[len(answers)-1]; got != "again context canceled" {
		t.Errorf("got %q: nobody is left waiting at the end", got)
	}
}

// TestSpacing begins a run as early as is fair to those who pay for it.
func TestSpacing(t *testing.T) {
	const took = 250 * time.Millisecond
	every := func(pause, until time.Duration) (asks []time.Duration) {
		for at := took; at < until; at += pause {
			asks = append(asks, at)
		}
		return asks
	}
	cases := map[string]struct {
		why  string
		asks []time.Duration // after the start of a run of 250 ms
		want []time.Duration // when runs began
	}{
		"Rested": {"there was no run for long", []time.Duration{5 * time.Second}, []time.Duration{5 * time.Second}},
		"Single": {"nobody comes after the one", []time.Duration{300 * time.Millisecond}, []time.Duration{550 * time.Millisecond}},
		"Pairs": {
			"another comes before a quiet period is over",
			[]time.Duration{300 * time.Millisecond, 500 * time.Millisecond}, []time.Duration{750 * time.Millisecond},
		},
		"Few": {
			"they keep coming, one by one, and further runs take no time", every(200*time.Millisecond, 1500*time.Millisecond),
			[]time.Duration{time.Second, 1175 * time.Millisecond, 1375 * time.Millisecond, 1575 * time.Millisecond},
		},
		"Batch": {
			"many keep coming", every(50*time.Millisecond, 10*time.Second),
			[]time.Duration{time.Second, 3 * time.Second, 7 * time.Second, 10950 * time.Millisecond},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			start := time.Unix(1000, 0)
			clk := clocktesting.NewFakeClock(start)
			runs := coalesce.New(clk, time.Second)
			var mu sync.Mutex
			var began []time.Duration
			once := func(context.Context) error {
				runs.Began(clk.Now())
				mu.Lock()
				defer mu.Unlock()
				began = append(began, clk.Since(start))
				return nil
			}
			runs.Ask(start, func(error) {})
			runs.Run(t.Context(), func(ctx context.Context) error {
				defer clk.Step(took)
				return once(ctx)
			})
			ended := make(chan struct{})
			close(ended)
			for now := clk.Since(start); len(tc.asks) > 0 || !waited(clk, ended); now += time.Millisecond {
				clk.SetTime(start.Add(now))
				waited(clk, ended)
				if len(tc.asks) == 0 || now < tc.asks[0] {
					continue
				}
				tc.asks = tc.asks[1:]
				if _, run := runs.Ask(clk.Now(), func(error) {}); run {
					again := make(chan struct{})
					ended = again
					go func() {
						defer close(again)
						runs.Run(t.Context(), once)
					}()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if got := began[1:]; !slices.Equal(got, tc.want) {
				t.Errorf("%s: began after %s, want %s", tc.why, got, tc.want)
			}
		})
	}
}

// TestNoSpacing begins a run as soon as the one before it has ended, and has those who
// came meanwhile share it.
func TestNoSpacing(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
	runs := coalesce.New(clk, 0)
	began, answered := 0, 0
	ask := func(int) { runs.Ask(clk.Now(), func(error) { answered++ }) }
	ask(0)
	runs.Run(t.Context(), func(context.Context) error {
		began++
		runs.Began(clk.Now())
		clk.Step(time.Millisecond) // no other time passes
		if began <= 3 {
			for i := range 50 {
				ask(i)
			}
		}
		return nil
	})
	if began != 4 || answered != 151 {
		t.Errorf("%d runs answered %d callers", began, answered)
	}
}

// TestRunsStopAskers begins a quiet period no earlier than a run ends: a run may be what keeps others from asking.
func TestRunsStopAskers(t *testing.T) {
	start := time.Unix(1000, 0)
	clk := clocktesting.NewFakeClock(start)
	runs := coalesce.New(clk, time.Second)
	runs.Ask(start, func(error) {})
	var second time.Duration
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runs.Run(t.Context(), func(context.Context) error {
			if second = clk.Since(start); second == 0 {
				runs.Began(start)
				clk.Step(100 * time.Millisecond)
				runs.Ask(clk.Now(), func(error) {})
				clk.Step(200 * time.Millisecond)
			}
			return nil
		})
	}()
	for !waited(clk, ended) {
		clk.Step(time.Millisecond)
	}
	if want := 600 * time.Millisecond; second != want {
		t.Errorf("began after %s, want %s: as long after the first as that took", second, want)
	}
}

// waited lets a run get to its rest, and reports whether it has ended instead.
func waited(clk *clocktesting.FakeClock, ended <-chan struct{}) bool {
	for !clk.HasWaiters() {
		select {
		case <-ended:
			return true
		default:
			runtime.Gosched()
		}
	}
	return false
}
