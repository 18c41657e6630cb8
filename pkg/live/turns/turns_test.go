package turns_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/live/turns"
)

// TestTurns answers everyone by the first run that began late enough, and keeps
// the starts of runs apart.
func TestTurns(t *testing.T) {
	start := time.Unix(1000, 0)
	clk := clocktesting.NewFakeClock(start)
	runs := turns.New(clk, time.Second)
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
