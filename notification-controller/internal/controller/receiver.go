package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=receivers,verbs=get;list;watch;patch;update
// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=receivers/status,verbs=get;patch;update

const receiverRefused = "this version does not act on Receivers: no webhook is accepted, objects are reconciled at their interval"

// receivers says of every Receiver that it is not acted upon.
type receivers struct {
	client   client.Client
	recorder events.Sink
}

func setupReceiver(env *app.Env) error {
	r := &receivers{client: env.GetClient(), recorder: env.Recorder}
	return ctrl.NewControllerManagedBy(env).
		For(&notificationv1.Receiver{}, builder.WithPredicates(watch.Asked())).
		WithOptions(env.Controller(env.Retries())).
		Complete(reconcile.AsReconciler[*notificationv1.Receiver](env.GetClient(), r))
}

// Reconcile writes the status once a generation and request, and takes off the
// finalizer that another version may have put on.
func (r *receivers) Reconcile(ctx context.Context, obj *notificationv1.Receiver) (ctrl.Result, error) {
	base := obj.DeepCopy()
	if !obj.DeletionTimestamp.IsZero() {
		if !controllerutil.RemoveFinalizer(obj, meta.Finalizer) {
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, patchFinalizers(ctx, r.client, obj, base)
	}
	if obj.Spec.Suspend {
		return ctrl.Result{}, nil
	}
	refuse(obj)
	if equality.Semantic.DeepEqual(base.Status, obj.Status) {
		return ctrl.Result{}, nil
	}
	if err := r.client.Status().Patch(ctx, obj, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
		return ctrl.Result{}, fmt.Errorf("writing the status: %w", client.IgnoreNotFound(err))
	}
	if base.Status.ObservedGeneration != obj.Generation {
		r.recorder.Emit(obj, events.Event{
			GVK: notificationv1.GroupVersion.WithKind("Receiver"), Severity: events.Error,
			Reason: meta.ReasonFieldNotSupported, Message: receiverRefused,
		})
	}
	return ctrl.Result{}, nil
}

func refuse(obj *notificationv1.Receiver) {
	for conditionType, state := range map[string]metav1.ConditionStatus{
		meta.ConditionReady: metav1.ConditionFalse, meta.ConditionStalled: metav1.ConditionTrue,
	} {
		apimeta.SetStatusCondition(&obj.Status.Conditions, metav1.Condition{
			Type: conditionType, Status: state, Reason: string(meta.ReasonFieldNotSupported),
			Message: receiverRefused, ObservedGeneration: obj.Generation,
		})
	}
	apimeta.RemoveStatusCondition(&obj.Status.Conditions, meta.ConditionReconciling)
	obj.Status.WebhookPath = ""
	obj.Status.ObservedGeneration = obj.Generation
	if at, ok := obj.Annotations[meta.AnnotationRequestedAt]; ok {
		obj.Status.LastHandledReconcileAt = at
	}
}
