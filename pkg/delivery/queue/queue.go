package queue

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Priorities in the work queue; higher goes first. What has an effect on a
// cluster goes before what only records a revision, and before both goes what
// they depend on. A unit that asked for a new list of the live objects is
// answered after all that have yet to ask, so that they share the list.
const (
	PriorityAnswer     = -10
	PriorityAdvance    = 0
	PriorityChange     = 10
	PriorityDrift      = 20
	PriorityDependency = 30
)

// Queue is the work queue of a controller.
type Queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Add adds a unit with a priority, now or after some time.
func Add(q Queue, unit types.NamespacedName, priority int, after time.Duration) {
	req := reconcile.Request{NamespacedName: unit}
	if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority, After: after}, req)
		return
	}
	q.AddAfter(req, after)
}

// Consumer is a unit that is made from a source.
type Consumer struct {
	Name types.NamespacedName
	// Changed says that the new artifact may change what the unit applies.
	Changed bool
	// DependsOn names the units that it depends on.
	DependsOn []types.NamespacedName
}

// AddConsumers adds the units of a source that has a new artifact: first what
// changed units depend on, then the changed units, then those that only record the
// revision.
func AddConsumers(q Queue, consumers []Consumer) {
	first := map[types.NamespacedName]bool{}
	for _, c := range consumers {
		if !c.Changed {
			continue
		}
		for _, dependency := range c.DependsOn {
			first[dependency] = true
		}
	}
	for _, c := range consumers {
		switch {
		case first[c.Name]:
			Add(q, c.Name, PriorityDependency, 0)
		case c.Changed:
			Add(q, c.Name, PriorityChange, 0)
		default:
			Add(q, c.Name, PriorityAdvance, 0)
		}
	}
}
