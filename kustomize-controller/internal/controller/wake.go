package controller

import (
	"context"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/queue"
	"github.com/capstan-gitops/capstan/pkg/watch"
)

// readOnly lists what the cache holds itself, which nobody may change: a copy of all
// units for every commit would be most of what a commit costs in memory.
const readOnly = client.UnsafeDisableDeepCopy

// finder finds the units that a change of another object concerns.
type finder struct {
	reader client.Reader
	// concerns reports whether an artifact may change what a unit has applied.
	concerns func(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact) bool
	log      logr.Logger
}

// bySource wakes the units made from a source of a kind, those that its new
// artifact changes before those that only record its revision.
func (f *finder) bySource(kind string) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue.Queue) { f.order(ctx, kind, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue.Queue) {
			// The index of the artifact is fetched first. Informers must not wait for that,
			// and end the context when the handler returns.
			go f.order(context.WithoutCancel(ctx), kind, e.ObjectNew, q)
		},
	}
}

func (f *finder) order(ctx context.Context, kind string, obj client.Object, q queue.Queue) {
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
	consumers := make([]queue.Consumer, 0, len(units.Items))
	for i := range units.Items {
		unit := &units.Items[i]
		consumers = append(consumers, queue.Consumer{
			Name: request.Key(unit), Changed: f.concerns(ctx, unit, src.GetArtifact()), DependsOn: request.Dependencies(unit),
		})
	}
	queue.AddConsumers(q, consumers)
}

// dependents wakes the units that depend on one whose readiness changed, and
// those that judge it by an expression, which may read any part of its status.
func (f *finder) dependents() handler.EventHandler {
	ready := watch.ReadyChanged()
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue.Queue) {
			f.wakeDependents(ctx, e.Object, true, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue.Queue) {
			f.wakeDependents(ctx, e.Object, true, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue.Queue) {
			f.wakeDependents(ctx, e.ObjectNew, ready.Update(e), q)
		},
	}
}

func (f *finder) wakeDependents(ctx context.Context, obj client.Object, ready bool, q queue.Queue) {
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
