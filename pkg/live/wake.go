package live

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/pkg/drift"
)

// maxHarmless bounds the doubling of the delay before an object that keeps changing
// without harm is verified again: 500 ms doubled ten times are eight minutes.
const maxHarmless = 10

// assess judges an object after a change and wakes its unit: at once when the
// object is dirty, after a delay when it is suspect or gone, so that a burst of
// changes, or a deletion that is followed by a creation, is judged once.
func (t *Table) assess(c *claim) {
	v, ready := t.find(c)
	if !ready || c.inflight > 0 {
		return
	}
	at := c.object.visible().Version()
	if v.State == c.reported && at == c.at && v.State != drift.Clean {
		return
	}
	switch {
	case v.State == drift.Dirty:
		t.due.Remove(c)
		c.reported, c.at = v.State, at
		t.wakes = append(t.wakes, wake{c.unit.name, CauseDirty})
	case v.State == drift.Suspect:
		t.schedule(c, t.opts.SuspectDelay<<min(c.harmless, maxHarmless))
	case v.State == drift.Gone:
		t.schedule(c, t.opts.GoneDelay)
	default:
		t.due.Remove(c)
		c.reported, c.at = v.State, at
	}
}

// schedule has an object judged again after a delay, unless it already will be:
// an object that never rests is verified nevertheless.
func (t *Table) schedule(c *claim, after time.Duration) {
	if t.due.Has(c) || !t.due.Add(c, t.opts.Clock.Now().Add(after)) {
		return // the debouncer already waits for something sooner
	}
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// debounce wakes the units whose delays have passed, until ctx ends.
func (t *Table) debounce(ctx context.Context) {
	for {
		var expired <-chan time.Time
		stop := func() {}
		if next, ok := t.nextDue(); ok {
			timer := t.opts.Clock.NewTimer(next.Sub(t.opts.Clock.Now()))
			expired, stop = timer.C(), func() { timer.Stop() }
		}
		select {
		case <-ctx.Done():
			stop()
			return
		case <-t.kick:
		case <-expired:
		}
		stop()
		t.locked(t.fire)
	}
}

func (t *Table) nextDue() (next time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.due.Next()
}

// fire judges again what is due, and wakes the units of what is still not clean.
func (t *Table) fire() {
	for _, c := range t.due.Take(t.opts.Clock.Now()) {
		v, ready := t.find(c)
		if !ready || (v.State != drift.Suspect && v.State != drift.Gone) {
			continue
		}
		c.reported, c.at = v.State, c.object.visible().Version()
		cause := CauseSuspect
		if v.State == drift.Gone {
			cause = CauseGone
		}
		t.wakes = append(t.wakes, wake{c.unit.name, cause})
	}
}
