package controller

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/services"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/watch"
)

// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=providers,verbs=get;list;watch;patch;update
// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=providers/finalizers,verbs=update

// providers keeps the finalizer of Providers, by which their connections are
// released, and wakes deliveries that wait for a Provider to be corrected.
type providers struct {
	client   client.Client
	services *services.Services
	box      *outbox.Outbox
}

func setupProvider(env *app.Env, services *services.Services, box *outbox.Outbox) error {
	r := &providers{client: env.GetClient(), services: services, box: box}
	return ctrl.NewControllerManagedBy(env).
		For(&notificationv1.Provider{}, builder.WithPredicates(watch.Asked())).
		WithOptions(env.Controller(env.Retries())).
		Complete(reconcile.AsReconciler[*notificationv1.Provider](env.GetClient(), r))
}

// Reconcile adds the finalizer, and removes it when the Provider is deleted.
func (r *providers) Reconcile(ctx context.Context, p *notificationv1.Provider) (ctrl.Result, error) {
	base := p.DeepCopy()
	key := client.ObjectKeyFromObject(p)
	if p.DeletionTimestamp.IsZero() {
		r.box.Wake(key.String())
		if !controllerutil.AddFinalizer(p, meta.Finalizer) {
			return ctrl.Result{}, nil
		}
	} else {
		r.services.Drop(key)
		if !controllerutil.RemoveFinalizer(p, meta.Finalizer) {
			return ctrl.Result{}, nil
		}
	}
	return ctrl.Result{}, patchFinalizers(ctx, r.client, p, base)
}

// patchFinalizers writes the finalizers, if nobody else has written meanwhile.
func patchFinalizers(ctx context.Context, c client.Client, obj, base client.Object) error {
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	if err := c.Patch(ctx, obj, patch); err != nil {
		return fmt.Errorf("writing the finalizers: %w", client.IgnoreNotFound(err))
	}
	return nil
}
