package controller

import (
	"context"
	"errors"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/config"
)

// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=buckets;helmcharts;helmrepositories;ocirepositories,verbs=get;list;watch;patch;update
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=buckets/status;helmcharts/status;helmrepositories/status;ocirepositories/status,verbs=get;patch;update

// setupRefused adds a controller for every kind of source that this version does
// not fetch: its objects say so, rather than stay without a status.
func setupRefused(env *app.Env, cfg *config.Config) error {
	return errors.Join(
		manage(env, cfg, refuse(sourcev1.OCIRepositoryKind, func() *sourcev1.OCIRepository { return &sourcev1.OCIRepository{} })),
		manage(env, cfg, refuse(sourcev1.BucketKind, func() *sourcev1.Bucket { return &sourcev1.Bucket{} })),
		manage(env, cfg, refuse(sourcev1.HelmRepositoryKind, func() *sourcev1.HelmRepository { return &sourcev1.HelmRepository{} })),
		manage(env, cfg, refuse(sourcev1.HelmChartKind, func() *sourcev1.HelmChart { return &sourcev1.HelmChart{} })),
	)
}

// refused is the scope of a kind that is not acted on.
type refused struct{ reconciler.Pass }

// refuse returns a kind that stalls every object.
func refuse[O reconciler.Object](name string, empty func() O) reconciler.Kind[O, *refused] {
	nothing := func(context.Context, *refused) reconciler.Outcome { return reconciler.Continue() }
	return reconciler.Kind[O, *refused]{
		GVK:   sourcev1.GroupVersion.WithKind(name),
		New:   empty,
		Scope: func(_ O, pass reconciler.Pass) *refused { return &refused{Pass: pass} },
		Phases: []reconciler.Phase[*refused]{{Name: "refuse", Run: func(context.Context, *refused) reconciler.Outcome {
			return reconciler.Fail(fault.Stalled(meta.ReasonFieldNotSupported,
				fmt.Errorf("reading kind %s: this version does not act on it", name), fault.Hint("use a GitRepository")))
		}}},
		Finalize: []reconciler.Phase[*refused]{{Name: "release", Action: meta.ActionFinalize, Run: nothing}},
		Timing:   func(O) (reconciler.Timing, error) { return reconciler.Timing{}, nil },
	}
}
