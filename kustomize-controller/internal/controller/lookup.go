package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/app"
)

// Index keys of the cache.
const (
	indexSource     = ".spec.sourceRef"
	indexDependency = ".spec.dependsOn"
)

// addIndexes makes units findable by their source and by what they depend on.
func addIndexes(ctx context.Context, env *app.Env) error {
	indexes := map[string]client.IndexerFunc{
		indexSource: func(obj client.Object) []string {
			return []string{request.Source(obj.(*kustomizev1.Kustomization))}
		},
		indexDependency: func(obj client.Object) []string {
			var names []string
			for _, name := range request.Dependencies(obj.(*kustomizev1.Kustomization)) {
				names = append(names, name.String())
			}
			return names
		},
	}
	for key, index := range indexes {
		if err := env.GetFieldIndexer().IndexField(ctx, &kustomizev1.Kustomization{}, key, index); err != nil {
			return fmt.Errorf("adding index %s: %w", key, err)
		}
	}
	return nil
}

// sources are the kinds of source, by name.
func sources() map[string]func() meta.Source {
	return map[string]func() meta.Source{
		sourcev1.GitRepositoryKind:    func() meta.Source { return &sourcev1.GitRepository{} },
		sourcev1.OCIRepositoryKind:    func() meta.Source { return &sourcev1.OCIRepository{} },
		sourcev1.BucketKind:           func() meta.Source { return &sourcev1.Bucket{} },
		sourcev1.ExternalArtifactKind: func() meta.Source { return &sourcev1.ExternalArtifact{} },
	}
}

// lookup reads sources and units.
type lookup struct {
	// cache answers from memory; source answers about sources.
	cache, source client.Reader
	// beyond answers about units of other shards; nil when there are none.
	beyond client.Reader
}

func newLookup(env *app.Env, cfg *config.Config) *lookup {
	find := &lookup{cache: env.GetClient(), source: env.GetClient()}
	if cfg.Watch.LabelSelector != "" {
		find.beyond = env.GetAPIReader()
	}
	if cfg.Enabled("DirectSourceFetch") {
		find.source = env.GetAPIReader()
	}
	return find
}

// sourceOf returns the source of a unit, or nil when there is none.
func (l *lookup) sourceOf(ctx context.Context, unit *kustomizev1.Kustomization) (meta.Source, error) {
	made, ok := sources()[unit.Spec.SourceRef.Kind]
	if !ok { // the schema lists the kinds
		return nil, fmt.Errorf("kind %q is not one of a source", unit.Spec.SourceRef.Kind)
	}
	src := made()
	key := types.NamespacedName{Namespace: unit.GetSourceNamespace(), Name: unit.Spec.SourceRef.Name}
	if err := l.source.Get(ctx, key, src); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return src, nil
}

// unit returns a Kustomization, or nil when there is none.
func (l *lookup) unit(ctx context.Context, name types.NamespacedName) (*kustomizev1.Kustomization, error) {
	unit := &kustomizev1.Kustomization{}
	err := l.cache.Get(ctx, name, unit)
	if apierrors.IsNotFound(err) && l.beyond != nil {
		err = l.beyond.Get(ctx, name, unit)
	}
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return unit, nil
}

// sharing returns the other units that are applied to the same cluster.
func (l *lookup) sharing(ctx context.Context, unit *kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error) {
	from, units := l.cache, &kustomizev1.KustomizationList{}
	if l.beyond != nil {
		from = l.beyond
	}
	if err := from.List(ctx, units); err != nil {
		return nil, fmt.Errorf("listing what is applied to the same cluster: %w", err)
	}
	var others []*kustomizev1.Kustomization
	for i := range units.Items {
		if other := &units.Items[i]; other.UID != unit.UID && request.Cluster(other) == request.Cluster(unit) {
			others = append(others, other)
		}
	}
	return others, nil
}

// siblings returns the other units made from the same source.
func (l *lookup) siblings(ctx context.Context, unit *kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error) {
	source := request.Source(unit)
	units := &kustomizev1.KustomizationList{}
	var err error
	if l.beyond != nil {
		err = l.beyond.List(ctx, units)
	} else {
		err = l.cache.List(ctx, units, client.MatchingFields{indexSource: source})
	}
	if err != nil {
		return nil, fmt.Errorf("listing what is made from the same source: %w", err)
	}
	var others []*kustomizev1.Kustomization
	for i := range units.Items {
		if other := &units.Items[i]; other.UID != unit.UID && request.Source(other) == source {
			others = append(others, other)
		}
	}
	return others, nil
}
