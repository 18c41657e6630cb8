package queue

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// healthDebounce is how long the writes may take in which a controller reports how
// an object is: a Deployment is first given a revision, then a status. They make
// one pass.
const healthDebounce = 50 * time.Millisecond

// Waker puts units into the work queue on behalf of the live table and of other
// units. What is woken before the controller runs waits for it. It is safe for
// concurrent use.
type Waker struct {
	mu      sync.Mutex
	queue   Queue
	waiting []waiting
	// drifted are units whose objects somebody changed, until their pass begins.
	drifted map[types.NamespacedName]struct{}
}

type waiting struct {
	unit     types.NamespacedName
	priority int
}

// NewWaker returns a waker that has no queue yet.
func NewWaker() *Waker { return &Waker{drifted: map[types.NamespacedName]struct{}{}} }

// Source is a source of the controller that hands its queue to the waker.
func (w *Waker) Source() source.TypedFunc[reconcile.Request] {
	return func(_ context.Context, q Queue) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.queue = q
		for _, first := range w.waiting {
			Add(q, first.unit, first.priority, 0)
		}
		w.waiting = nil
		return nil
	}
}

// Wake is for what happened in a cluster.
func (w *Waker) Wake(unit types.NamespacedName) { w.add(unit, PriorityDrift, 0) }

// Correct is for objects that somebody changed.
func (w *Waker) Correct(unit types.NamespacedName) {
	w.mu.Lock()
	w.drifted[unit] = struct{}{}
	w.mu.Unlock()
	w.Wake(unit)
}

// Urgent reports that objects wait to be corrected.
func (w *Waker) Urgent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.drifted) > 0
}

// Before notes that the pass of a unit begins, and runs it.
func (w *Waker) Before(next reconcile.Reconciler) reconcile.Func {
	return func(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
		w.mu.Lock()
		delete(w.drifted, req.NamespacedName)
		w.mu.Unlock()
		return next.Reconcile(ctx, req)
	}
}

// HealthChanged is for an awaited object that changed.
func (w *Waker) HealthChanged(unit types.NamespacedName) { w.add(unit, PriorityDrift, healthDebounce) }

// Answer is for a list of the live objects that the unit asked for.
func (w *Waker) Answer(unit types.NamespacedName) { w.add(unit, PriorityAnswer, 0) }

func (w *Waker) add(unit types.NamespacedName, priority int, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		w.waiting = append(w.waiting, waiting{unit, priority})
		return
	}
	Add(w.queue, unit, priority, after)
}
