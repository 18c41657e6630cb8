package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/watch"
	"github.com/capstan-gitops/capstan/source-controller/internal/config"
)

// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=buckets;helmcharts;helmrepositories;ocirepositories,verbs=get;list;watch;patch;update
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=buckets/status;helmcharts/status;helmrepositories/status;ocirepositories/status,verbs=get;patch;update

// setupRefused adds a controller for every kind of source that this version does
// not fetch: its objects are told so, rather than left without a word.
func setupRefused(env *app.Env, cfg *config.Config) error {
	for _, setup := range []func() error{
		func() error { return refuse(env, cfg, sourcev1.OCIRepositoryKind, &sourcev1.OCIRepository{}) },
		func() error { return refuse(env, cfg, sourcev1.BucketKind, &sourcev1.Bucket{}) },
		func() error { return refuse(env, cfg, sourcev1.HelmRepositoryKind, &sourcev1.HelmRepository{}) },
		func() error { return refuse(env, cfg, sourcev1.HelmChartKind, &sourcev1.HelmChart{}) },
	} {
		if err := setup(); err != nil {
			return err
		}
	}
	return nil
}

// refused is the scope of a kind that is not acted on.
type refused struct{ reconciler.Pass }

// refuse adds a controller that stalls every object of a kind.
func refuse[O reconciler.Object](env *app.Env, cfg *config.Config, kind string, empty O) error {
	gvk := sourcev1.GroupVersion.WithKind(kind)
	r := &reconciler.Reconciler[O, *refused]{
		Kind:   refusedKind[O](gvk, empty),
		Client: env.GetClient(), Live: env.GetAPIReader(), Recorder: env.Recorder,
		Observe: env.Metrics.Observe, Clock: env.Clock, FieldOwner: cfg.Name, WaitFallback: cfg.RequeueDependency,
	}
	err := ctrl.NewControllerManagedBy(env).
		For(empty, builder.WithPredicates(watch.Asked())).
		WithOptions(env.Controller()).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up %s: %w", kind, err)
	}
	return nil
}

func refusedKind[O reconciler.Object](gvk schema.GroupVersionKind, empty O) reconciler.Kind[O, *refused] {
	nothing := func(context.Context, *refused) reconciler.Outcome { return reconciler.Continue() }
	return reconciler.Kind[O, *refused]{
		GVK:   gvk,
		New:   func() O { return empty.DeepCopyObject().(O) },
		Scope: func(_ O, pass reconciler.Pass) *refused { return &refused{Pass: pass} },
		Phases: []reconciler.Phase[*refused]{{Name: "refuse", Run: func(context.Context, *refused) reconciler.Outcome {
			return reconciler.Fail(fault.Stalled(meta.ReasonFieldNotSupported,
				fmt.Errorf("reading kind %s: this version does not act on it", gvk.Kind), fault.Hint("use a GitRepository")))
		}}},
		Finalize: []reconciler.Phase[*refused]{{Name: "release", Run: nothing}},
		Timing:   func(O) (reconciler.Timing, error) { return reconciler.Timing{}, nil },
	}
}
