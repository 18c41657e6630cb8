package controller

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/watch"
)

// Priorities in the work queue; higher goes first. What has an effect on a
// cluster goes before what only records a revision, and before both goes what
// they depend on. Who asked for a look at the cluster is answered after all who
// have yet to ask, so that they share the look.
const (
	priorityAnswer     = -10
	priorityAdvance    = 0
	priorityChange     = 10
	priorityDrift      = 20
	priorityDependency = 30
)

type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]

// flurry is how long the writes may take in which a controller tells how an object
// is: a Deployment is first given a revision, then a status.
const flurry = 50 * time.Millisecond

// enqueue adds a unit with a priority, now or after some time.
func enqueue(q queue, unit types.NamespacedName, priority int, after time.Duration) {
	req := ctrl.Request{NamespacedName: unit}
	if pq, ok := q.(priorityqueue.PriorityQueue[ctrl.Request]); ok {
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority, After: after}, req)
		return
	}
	q.AddAfter(req, after)
}

// waker puts units into the work queue on behalf of the live table and of other
// units. What is woken before the controller runs waits for it.
type waker struct {
	mu      sync.Mutex
	queue   queue
	waiting []waiting
	// drifted are units whose objects somebody changed, until their pass begins.
	drifted map[types.NamespacedName]struct{}
}

type waiting struct {
	unit     types.NamespacedName
	priority int
}

func newWaker() *waker { return &waker{drifted: map[types.NamespacedName]struct{}{}} }

// source hands the controller's queue to the waker.
func (w *waker) source() source.TypedFunc[ctrl.Request] {
	return func(_ context.Context, q queue) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.queue = q
		for _, first := range w.waiting {
			enqueue(q, first.unit, first.priority, 0)
		}
		w.waiting = nil
		return nil
	}
}

// wake is for what happened in a cluster.
func (w *waker) wake(unit types.NamespacedName) { w.add(unit, priorityDrift, 0) }

// correct is for objects that somebody changed.
func (w *waker) correct(unit types.NamespacedName) {
	w.mu.Lock()
	w.drifted[unit] = struct{}{}
	w.mu.Unlock()
	w.wake(unit)
}

// urgent reports that objects wait to be corrected.
func (w *waker) urgent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.drifted) > 0
}

// before notes that the pass of a unit begins, and runs it.
func (w *waker) before(next reconcile.Reconciler) reconcile.Func {
	return func(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
		w.mu.Lock()
		delete(w.drifted, req.NamespacedName)
		w.mu.Unlock()
		return next.Reconcile(ctx, req)
	}
}

// judge is for an awaited object that changed. All that is told of it in one go
// makes one look.
func (w *waker) judge(unit types.NamespacedName) { w.add(unit, priorityDrift, flurry) }

// answer is for a look at the cluster that the unit asked for.
func (w *waker) answer(unit types.NamespacedName) { w.add(unit, priorityAnswer, 0) }

func (w *waker) add(unit types.NamespacedName, priority int, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		w.waiting = append(w.waiting, waiting{unit, priority})
		return
	}
	enqueue(w.queue, unit, priority, after)
}

// readOnly lists what the cache holds itself, which nobody may change: a copy of all
// units for every commit would be most of what a commit costs in memory.
const readOnly = client.UnsafeDisableDeepCopy

// finder finds the units that a change of another object concerns.
type finder struct {
	reader client.Reader
	phases *phase.Phases
	log    logr.Logger
}

// bySource wakes the units made from a source of a kind, those that its new
// artifact changes before those that only record its revision.
func (f *finder) bySource(kind string) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { f.order(ctx, kind, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			// The index of the artifact is fetched first. Informers must not wait for that,
			// and end the context when the handler returns.
			go f.order(context.WithoutCancel(ctx), kind, e.ObjectNew, q)
		},
	}
}

func (f *finder) order(ctx context.Context, kind string, obj client.Object, q queue) {
	units := &kustomizev1.KustomizationList{}
	name := kind + "/" + obj.GetNamespace() + "/" + obj.GetName() // as request.Source names it
	if err := f.reader.List(ctx, units, client.MatchingFields{indexSource: name}, readOnly); err != nil {
		f.log.Error(err, "listing what is made from a source", "name", obj.GetName(), "namespace", obj.GetNamespace())
		return
	}
	src, ok := obj.(meta.Source)
	if !ok || src.GetArtifact() == nil {
		return
	}
	changed := map[types.NamespacedName]bool{}
	first := map[types.NamespacedName]bool{}
	for i := range units.Items {
		if unit := &units.Items[i]; f.phases.Inputs.Concerns(ctx, unit, src.GetArtifact()) {
			changed[client.ObjectKeyFromObject(unit)] = true
			for _, dependency := range request.Dependencies(unit) {
				first[dependency] = true
			}
		}
	}
	for i := range units.Items {
		name := client.ObjectKeyFromObject(&units.Items[i])
		switch {
		case first[name]:
			enqueue(q, name, priorityDependency, 0)
		case changed[name]:
			enqueue(q, name, priorityChange, 0)
		default:
			enqueue(q, name, priorityAdvance, 0)
		}
	}
}

// dependents wakes the units that depend on one whose readiness changed, and
// those that judge it by an expression, which may look at anything.
func (f *finder) dependents() handler.EventHandler {
	ready := watch.ReadyChanged()
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { f.wakeDependents(ctx, e.Object, true, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { f.wakeDependents(ctx, e.Object, true, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			f.wakeDependents(ctx, e.ObjectNew, ready.Update(e), q)
		},
	}
}

func (f *finder) wakeDependents(ctx context.Context, obj client.Object, ready bool, q queue) {
	units := &kustomizev1.KustomizationList{}
	name := client.ObjectKeyFromObject(obj)
	if err := f.reader.List(ctx, units, client.MatchingFields{indexDependency: name.String()}, readOnly); err != nil {
		f.log.Error(err, "listing what depends on a unit", "name", name.Name, "namespace", name.Namespace)
		return
	}
	for i := range units.Items {
		if unit := &units.Items[i]; ready || request.JudgesByExpression(unit, name) {
			q.Add(ctrl.Request{NamespacedName: client.ObjectKeyFromObject(unit)})
		}
	}
}
