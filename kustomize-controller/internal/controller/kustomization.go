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
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
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

// kustomizations is what the controller of the kind is made of.
type kustomizations struct {
	env      *app.Env
	cfg      *config.Config
	clusters *clusters
	units    *unitstate.Store
	digests  *inputs.Inputs
	builder  *build.Builder
	key      inventory.Key
	find     *lookup
	drifting func(unit types.NamespacedName, objects int)
}

// setup adds the controller of Kustomization.
func (k *kustomizations) setup(ctx context.Context, phases phase.Phases) error {
	env, waker := k.env, k.clusters.waker
	if err := env.Add(k.clusters.pool); err != nil {
		return fmt.Errorf("adding the clusters: %w", err)
	}
	if err := addIndexes(ctx, env); err != nil {
		return err
	}
	retries := env.Retries()
	r := &reconciler.Reconciler[*kustomizev1.Kustomization, *phase.Scope]{
		Kind: k.kind(phases), Retries: retries,
		Client: env.GetClient(), Live: env.GetAPIReader(), Recorder: env.Recorder,
		Observe: env.Metrics.Observe, Clock: env.Clock, Jitter: env.Interval,
		FieldOwner: statusManager, WaitFallback: k.cfg.RequeueDependency, Urgent: waker.Urgent,
		NoDefer: !k.cfg.Enabled(config.GateDefer),
	}
	find := &finder{reader: env.GetClient(), concerns: k.digests.Concerns, log: env.Log}
	b := ctrl.NewControllerManagedBy(env).
		For(&kustomizev1.Kustomization{}, builder.WithPredicates(watch.Asked())).
		Watches(&kustomizev1.Kustomization{}, find.dependents()).
		WatchesRawSource(waker.Source()).
		WithOptions(env.Controller(retries))
	for kind, source := range sources() {
		if kind != sourcev1.ExternalArtifactKind || phases.Accept.Allow.ExternalArtifact {
			b = b.Watches(source(), find.bySource(kind), builder.WithPredicates(watch.NewArtifact()))
		}
	}
	if err := b.Complete(waker.Before(r)); err != nil {
		return fmt.Errorf("setting up Kustomization: %w", err)
	}
	return nil
}

func (k *kustomizations) kind(phases phase.Phases) reconciler.Kind[*kustomizev1.Kustomization, *phase.Scope] {
	return reconciler.Kind[*kustomizev1.Kustomization, *phase.Scope]{
		GVK:         kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind),
		New:         func() *kustomizev1.Kustomization { return &kustomizev1.Kustomization{} },
		Scope:       k.scope,
		Phases:      phases.Living(),
		Finalize:    phases.Deleted(),
		End:         phase.PutBack(k.units),
		Timing:      timing,
		Conditions:  conditions,
		Owns:        ownedConditions(),
		Forget:      k.forget,
		Record:      record,
		Annotations: annotations,
		Success:     success,
		Limit:       func(s *phase.Scope) time.Duration { return s.Timeout },
	}
}

func (k *kustomizations) scope(obj *kustomizev1.Kustomization, pass reconciler.Pass) *phase.Scope {
	s := &phase.Scope{Pass: pass, Object: obj, Unit: request.Key(obj)}
	if t, err := readTiming(obj); err == nil { // a bad duration has stalled the object
		s.Interval, s.Retry, s.Timeout = t.interval, t.retry, t.timeout
	}
	last, answered := k.units.Get(s.Unit, obj.UID)
	s.State, s.Last, s.Answered = last.State, last.Attempt, answered
	s.Old, s.Unreadable = inventory.Decode(obj.Status.Inventory)
	s.Old = s.Old.Recall(s.State.Ledger)
	s.Inventory = s.Old
	s.Due = pass.Requested || s.Respecified() || !s.State.Due.IsZero() && !pass.Start.Before(s.State.Due)
	return s
}

// forget drops what is known of a unit that is gone.
func (k *kustomizations) forget(unit types.NamespacedName) {
	k.clusters.forget(unit)
	k.drifting(unit, 0)
	k.builder.Forget(unit)
	k.units.Forget(unit)
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
