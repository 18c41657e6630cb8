// Package coalesce lets many callers share the runs of something slow.
package coalesce

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Group runs something for all who ask for it. Everyone is answered by a run that
// began at the moment they name or later, and by the first such run. There is one
// run at a time, and some time between the starts of two, so that many callers share
// one. While large batches keep coming that time doubles with every run, so that a
// run is never further away than they have been coming for, and the number of runs
// grows with its logarithm only; without them it halves again. After a quiet period
// the next run begins at once. A Group is safe for concurrent use; answers are given
// without a lock held.
type Group struct {
	clock   clock.WithTicker
	spacing time.Duration

	mu sync.Mutex
	// started is when the latest run began, done the start of the latest that
	// succeeded, active when the latest caller came or run ended.
	started, done, active time.Time
	// gap is the time between starts as it is now, took how long the latest run took.
	gap, took time.Duration
	running   bool
	waiting   []waiter
}

const (
	// batch is how many callers a run answers when many ask.
	batch = 8
	// widest is how many times the spacing the time between starts becomes.
	widest = 16
	// quietParts is how many quiet periods, each long enough to begin a run, fit into
	// the time between starts.
	quietParts = 8
)

// waiter is someone who waits for a run that began at since or later.
type waiter struct {
	since  time.Time
	answer func(error)
}

// New returns a group with the given time between the starts of runs, large batches
// aside. With none, the next run begins as soon as the one before it has ended: those
// who came meanwhile share it, and nobody waits for others to come.
func New(clk clock.WithTicker, spacing time.Duration) *Group {
	return &Group{clock: clk, spacing: spacing, gap: spacing}
}

// Began notes the start of a run, also of one that nobody asked for.
func (g *Group) Began(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.started = at
}

// Succeeded notes that the run that began at a time came to a good end.
func (g *Group) Succeeded(began time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done = began
}

// Ask asks for a run that began at since or later. If there was one, fresh is
// true and answer will not be called. If run is true, the caller has to call Run,
// because nobody else does.
func (g *Group) Ask(since time.Time, answer func(error)) (fresh, run bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.done.IsZero() && !g.done.Before(since) {
		return true, false
	}
	g.active = g.clock.Now()
	g.waiting = append(g.waiting, waiter{since: since, answer: answer})
	run = !g.running
	g.running = true
	return false, run
}

// Run calls once until nobody waits any more. The runs call Began and Succeeded.
func (g *Group) Run(ctx context.Context, once func(context.Context) error) {
	for again := true; again; {
		g.pause(ctx)
		start := g.clock.Now()
		err := once(ctx)
		var served []waiter
		served, again = g.serve(start, ctx.Err() != nil)
		for _, w := range served {
			w.answer(err)
		}
	}
}

// serve takes those out of the waiting whom a run that began at start answers.
func (g *Group) serve(start time.Time, last bool) (served []waiter, again bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active = g.clock.Now()
	g.took = g.active.Sub(start)
	var later []waiter
	for _, w := range g.waiting {
		if !last && start.Before(w.since) {
			later = append(later, w)
		} else {
			served = append(served, w)
		}
	}
	if len(served) < batch {
		g.gap = max(g.gap/2, g.spacing)
	} else {
		g.gap = min(2*g.gap, widest*g.spacing)
	}
	g.waiting = later
	g.running = len(later) > 0
	return served, g.running
}

// pause keeps the starts of runs apart.
func (g *Group) pause(ctx context.Context) {
	for {
		left := g.due().Sub(g.clock.Now())
		if left <= 0 {
			return
		}
		timer := g.clock.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}

// due returns when the next run may begin if nobody else comes. A quiet period begins
// when a run ends, for that nobody came meanwhile may be its own doing, and is not
// shorter than it, which bounds what callers who come one by one can cost.
func (g *Group) due() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.started.IsZero() {
		return time.Time{}
	}
	spaced := g.started.Add(g.gap)
	if quiet := g.active.Add(max(g.gap/quietParts, g.took)); quiet.Before(spaced) {
		return quiet
	}
	return spaced
}
