package inflight

import (
	"context"
	"slices"
)

// Priority says what goes first.
type Priority uint8

// The priorities.
const (
	// Change is a request that makes an object what it should be.
	Change Priority = iota
	// Audit is a request that only reads.
	Audit

	priorities = 2
)

// patience is how many requests of higher priority may go before one that waits.
const patience = 16

// Flow says for whom requests are made. Requests of one flow wait for each other;
// those of different flows of the same priority take rotation.
type Flow struct {
	// Key names the flow; it has to be comparable.
	Key any
	// Priority says what goes first.
	Priority Priority
}

type flowKey struct{}

// With returns a context whose requests belong to a flow.
func With(ctx context.Context, f Flow) context.Context { return context.WithValue(ctx, flowKey{}, f) }

// flowOf returns the flow of a context.
func flowOf(ctx context.Context) Flow {
	f, _ := ctx.Value(flowKey{}).(Flow)
	return f
}

// waiter is a request whose turn has not come.
type waiter struct {
	flow Flow
	turn chan struct{}
}

// line holds the waiters.
type line struct {
	levels [priorities]level
	// passed counts how many went before the levels that wait.
	passed int
}

// level holds the waiters of a priority: the flows in the order they are served,
// and those who wait in each.
type level struct {
	rotation []Flow
	waiting  map[Flow][]*waiter
}

func (l *line) empty() bool {
	for i := range l.levels {
		if len(l.levels[i].rotation) > 0 {
			return false
		}
	}
	return true
}

// join puts a waiter behind the others of its flow.
func (l *line) join(f Flow) *waiter {
	w := &waiter{flow: f, turn: make(chan struct{})}
	at := &l.levels[f.Priority]
	if at.waiting == nil {
		at.waiting = map[Flow][]*waiter{}
	}
	if len(at.waiting[f]) == 0 {
		at.rotation = append(at.rotation, f)
	}
	at.waiting[f] = append(at.waiting[f], w)
	return w
}

// leave takes a waiter out and reports whether it was still waiting.
func (l *line) leave(w *waiter) bool {
	at := &l.levels[w.flow.Priority]
	i := slices.Index(at.waiting[w.flow], w)
	if i < 0 {
		return false
	}
	rest := slices.Delete(at.waiting[w.flow], i, i+1)
	if len(rest) > 0 {
		at.waiting[w.flow] = rest
		return true
	}
	delete(at.waiting, w.flow)
	at.rotation = slices.DeleteFunc(at.rotation, func(f Flow) bool { return f == w.flow })
	return true
}

// next takes the waiter out whose turn it is; nil when nobody waits.
func (l *line) next() *waiter {
	chosen := -1
	for i := range l.levels {
		if len(l.levels[i].rotation) == 0 {
			continue
		}
		if chosen < 0 {
			chosen = i
			continue
		}
		if l.passed++; l.passed > patience {
			chosen, l.passed = i, 0
		}
		break
	}
	if chosen < 0 {
		return nil
	}
	return l.levels[chosen].next()
}

// next takes the first waiter of the flow whose turn it is; the flow's next turn
// is after those of all others.
func (at *level) next() *waiter {
	f := at.rotation[0]
	at.rotation = at.rotation[1:]
	w, rest := at.waiting[f][0], at.waiting[f][1:]
	if len(rest) == 0 {
		delete(at.waiting, f)
		return w
	}
	at.waiting[f] = rest
	at.rotation = append(at.rotation, f)
	return w
}
