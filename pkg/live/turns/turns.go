// Package turns lets many share the runs of something slow.
package turns

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Turns runs something for all who ask for it. Everyone is answered by a run that
// began at the moment they name or later, and by the first such run. There is one
// run at a time, and some time between the starts of two, so that many share one.
// While a crowd keeps coming that time doubles with every run, so that a run is
// never further away than the crowd has been coming for, and their number grows
// with its logarithm only; without one it halves again. As soon as nobody has come
// for a while the next begins at once. It is safe for concurrent use; answers are
// given without a lock held.
type Turns struct {
	clock   clock.WithTicker
	spacing time.Duration

	mu sync.Mutex
	// started is when the latest run began, done the start of the latest that
	// succeeded, stirred when the latest asker came or run ended.
	started, done, stirred time.Time
	// gap is the time between starts as it is now, took how long the latest run took.
	gap, took time.Duration
	running   bool
	waiting   []waiter
}

const (
	// crowd is how many a run answers when many ask.
	crowd = 8
	// widest is how many times the spacing the time between starts becomes.
	widest = 16
	// lulls is how many pauses between askers, each long enough to begin a run, fit
	// into the time between starts.
	lulls = 8
)

// waiter is someone who waits for a run that began at since or later.
type waiter struct {
	since  time.Time
	answer func(error)
}

// New returns turns with the given time between the starts of runs, crowds aside.
func New(clk clock.WithTicker, spacing time.Duration) *Turns {
	return &Turns{clock: clk, spacing: spacing, gap: spacing}
}

// Began notes the start of a run, also of one that nobody asked for.
func (t *Turns) Began(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = at
}

// Succeeded notes that the run that began at a time came to a good end.
func (t *Turns) Succeeded(began time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = began
}

// Ask asks for a run that began at since or later. If there was one, fresh is
// true and answer will not be called. If run is true, the caller has to call Run,
// because nobody else does.
func (t *Turns) Ask(since time.Time, answer func(error)) (fresh, run bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done.IsZero() && !t.done.Before(since) {
		return true, false
	}
	t.stirred = t.clock.Now()
	t.waiting = append(t.waiting, waiter{since: since, answer: answer})
	run = !t.running
	t.running = true
	return false, run
}

// Run calls once until nobody waits any more. The runs tell Began and Succeeded.
func (t *Turns) Run(ctx context.Context, once func(context.Context) error) {
	for again := true; again; {
		t.rest(ctx)
		start := t.clock.Now()
		err := once(ctx)
		var served []waiter
		served, again = t.serve(start, ctx.Err() != nil)
		for _, w := range served {
			w.answer(err)
		}
	}
}

// serve takes those out of the waiting whom a run that began at start answers.
func (t *Turns) serve(start time.Time, last bool) (served []waiter, again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stirred = t.clock.Now()
	t.took = t.stirred.Sub(start)
	var later []waiter
	for _, w := range t.waiting {
		if !last && start.Before(w.since) {
			later = append(later, w)
		} else {
			served = append(served, w)
		}
	}
	if len(served) < crowd {
		t.gap = max(t.gap/2, t.spacing)
	} else {
		t.gap = min(2*t.gap, widest*t.spacing)
	}
	t.waiting = later
	t.running = len(later) > 0
	return served, t.running
}

// rest keeps the starts of runs apart.
func (t *Turns) rest(ctx context.Context) {
	for {
		rest := t.due().Sub(t.clock.Now())
		if rest <= 0 {
			return
		}
		timer := t.clock.NewTimer(rest)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}

// due returns when the next run may begin if nobody else comes. A lull begins when
// a run ends, for that nobody came meanwhile may be its own doing, and is not
// shorter than it, which bounds what askers who come one by one can cost.
func (t *Turns) due() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.started.IsZero() {
		return time.Time{}
	}
	spaced := t.started.Add(t.gap)
	if lull := t.stirred.Add(max(t.gap/lulls, t.took)); lull.Before(spaced) {
		return lull
	}
	return spaced
}
