package queue

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// TestWhenUnitsAreWoken checks that a change by somebody is handled now, and that the
// writes in which an object reports its health are coalesced.
func TestWhenUnitsAreWoken(t *testing.T) {
	unit := types.NamespacedName{Namespace: "flux-system", Name: "apps"}
	cases := map[string]struct {
		wake func(*Waker)
		want []time.Duration
		why  string
	}{
		"Drift":     {func(w *Waker) { w.Correct(unit) }, []time.Duration{0}, "a hand edit is corrected at once"},
		"Reference": {func(w *Waker) { w.Wake(unit) }, []time.Duration{0}, "a changed ConfigMap is applied at once"},
		"Answer":    {func(w *Waker) { w.Answer(unit) }, []time.Duration{0}, "somebody waits for it"},
		"Health":    {func(w *Waker) { w.HealthChanged(unit) }, []time.Duration{healthDebounce}, "a Deployment writes twice before it is well"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w, q := NewWaker(), &delays{}
			w.queue = q
			tc.wake(w)
			if diff := cmp.Diff(tc.want, q.after); diff != "" {
				t.Errorf("because %s: %s", tc.why, diff)
			}
		})
	}
}

// delays records after what time something is due.
type delays struct {
	Queue

	after []time.Duration
}

func (d *delays) AddAfter(_ reconcile.Request, after time.Duration) { d.after = append(d.after, after) }

// TestConsumersInOrder checks that what an artifact changes is reconciled before what
// only records its revision, and that dependencies go first.
func TestConsumersInOrder(t *testing.T) {
	name := func(n string) types.NamespacedName { return types.NamespacedName{Namespace: "apps", Name: n} }
	q := &priorities{given: map[string]int{}}
	AddConsumers(q, []Consumer{
		{Name: name("advance")},
		{Name: name("changed"), Changed: true, DependsOn: []types.NamespacedName{name("base")}},
		{Name: name("base")},
		{Name: name("unrelated"), DependsOn: []types.NamespacedName{name("advance")}},
	})
	want := map[string]int{
		"advance": PriorityAdvance, "changed": PriorityChange, "base": PriorityDependency, "unrelated": PriorityAdvance,
	}
	if diff := cmp.Diff(want, q.given); diff != "" {
		t.Errorf("priorities (-want +got):\n%s", diff)
	}
}

// priorities records the priority of each unit.
type priorities struct {
	priorityqueue.PriorityQueue[reconcile.Request]

	given map[string]int
}

func (p *priorities) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	for _, r := range requests {
		p.given[r.Name] = *o.Priority
	}
}
