package controller

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/watch"
)

// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=alerts,verbs=get;list;watch;patch;update

// alerts takes the finalizer of old releases off Alerts. They have no status.
type alerts struct {
	client   client.Client
	recorder events.Sink
}

func setupAlert(env *app.Env) error {
	r := &alerts{client: env.GetClient(), recorder: env.Recorder}
	return ctrl.NewControllerManagedBy(env).
		For(&notificationv1.Alert{}, builder.WithPredicates(watch.Asked())).
		WithOptions(env.Controller(env.Retries())).
		Complete(reconcile.AsReconciler[*notificationv1.Alert](env.GetClient(), r))
}

// Reconcile removes the finalizer. A suspended Alert is left alone unless it is
// being deleted, which the finalizer would hold up.
func (r *alerts) Reconcile(ctx context.Context, a *notificationv1.Alert) (ctrl.Result, error) {
	if a.Spec.Suspend && a.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	base := a.DeepCopy()
	if !controllerutil.RemoveFinalizer(a, meta.Finalizer) {
		return ctrl.Result{}, nil
	}
	if err := patchFinalizers(ctx, r.client, a, base); err != nil {
		return ctrl.Result{}, err
	}
	r.recorder.Emit(a, events.Event{
		GVK: notificationv1.GroupVersion.WithKind("Alert"), Severity: events.Info, Reason: meta.ReasonMigration,
		Message: "removed the finalizer of an old release",
	})
	return ctrl.Result{}, nil
}
