package controller

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/watch"
)

// +kubebuilder:rbac:groups=kustomize.toolkit.fluxcd.io,resources=kustomizations,verbs=get;list;watch;patch;update
// +kubebuilder:rbac:groups=kustomize.toolkit.fluxcd.io,resources=kustomizations/status,verbs=get;patch;update
// +kubebuilder:rbac:groups=kustomize.toolkit.fluxcd.io,resources=kustomizations/finalizers,verbs=update
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories;ocirepositories;buckets;externalartifacts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=serviceaccounts,verbs=get;impersonate
// +kubebuilder:rbac:groups="",resources=serviceaccounts/token,verbs=create
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings;clusterroles;clusterrolebindings,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update;patch

// statusManager is the field manager of status writes. It differs from that of
// applied objects, as the wire contract asks.
const statusManager = "gotk-kustomize-controller"

// setupKustomization adds the controller of Kustomization.
func setupKustomization(ctx context.Context, env *app.Env, cfg *config.Config, phases *phase.Phases, w *waker) error {
	if err := addIndexes(ctx, env); err != nil {
		return err
	}
	r := &reconciler.Reconciler[*kustomizev1.Kustomization, *phase.Scope]{
		Kind:   kind(phases),
		Client: env.GetClient(), Live: env.GetAPIReader(), Recorder: env.Recorder,
		Observe: env.Metrics.Observe, Clock: env.Clock, Jitter: env.Interval,
		FieldOwner: statusManager, WaitNet: cfg.RequeueDependency, Urgent: w.urgent,
	}
	find := &finder{reader: env.GetClient(), phases: phases, log: env.Log}
	b := ctrl.NewControllerManagedBy(env).
		For(&kustomizev1.Kustomization{}, builder.WithPredicates(watch.Asked())).
		Watches(&kustomizev1.Kustomization{}, find.dependents()).
		WatchesRawSource(w.source()).
		WithOptions(env.Controller())
	for kind, source := range sources() {
		if kind != sourcev1.ExternalArtifactKind || phases.Allow.ExternalArtifact {
			b = b.Watches(source(), find.bySource(kind), builder.WithPredicates(watch.NewArtifact()))
		}
	}
	if err := b.Complete(w.before(r)); err != nil {
		return fmt.Errorf("setting up Kustomization: %w", err)
	}
	return nil
}

func kind(phases *phase.Phases) reconciler.Kind[*kustomizev1.Kustomization, *phase.Scope] {
	return reconciler.Kind[*kustomizev1.Kustomization, *phase.Scope]{
		GVK:         kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind),
		New:         func() *kustomizev1.Kustomization { return &kustomizev1.Kustomization{} },
		Scope:       scope(phases),
		Phases:      phases.List(),
		Finalize:    phases.Finalize(),
		Timing:      timing,
		Conditions:  conditions,
		Owns:        ownedConditions(),
		Forget:      phases.Forget,
		Record:      record,
		Annotations: annotations,
		Success:     success,
	}
}

func scope(phases *phase.Phases) func(*kustomizev1.Kustomization, reconciler.Pass) *phase.Scope {
	return func(obj *kustomizev1.Kustomization, pass reconciler.Pass) *phase.Scope {
		s := &phase.Scope{Pass: pass, Object: obj, Unit: types.NamespacedName{Namespace: obj.Namespace, Name: obj.Name}}
		if t, err := readTiming(obj); err == nil { // a bad duration has stalled the object
			s.Interval, s.Retry, s.Timeout = t.interval, t.retry, t.timeout
		}
		s.Memory = phases.Memory.Get(s.Unit, obj.UID)
		s.Old, s.Unreadable = inventory.Decode(obj.Status.Inventory)
		s.Old = s.Old.Recall(s.Memory.Ledger)
		s.Inventory = s.Old
		s.Due = pass.Requested || s.Respecified() || !s.Memory.Due.IsZero() && !pass.Start.Before(s.Memory.Due)
		return s
	}
}

type durations struct{ interval, retry, timeout time.Duration }

func readTiming(obj *kustomizev1.Kustomization) (durations, error) {
	var d durations
	var err error
	if d.interval, err = obj.GetInterval(); err != nil {
		return d, err
	}
	if d.retry, err = obj.GetRetryInterval(); err != nil {
		return d, err
	}
	d.timeout, err = obj.GetTimeout()
	return d, err
}

func timing(obj *kustomizev1.Kustomization) (reconciler.Timing, error) {
	d, err := readTiming(obj)
	return reconciler.Timing{Interval: d.interval, Retry: d.retry}, err
}
