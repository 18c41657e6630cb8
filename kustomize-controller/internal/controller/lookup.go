package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Index keys of the cache.
const (
	indexSource     = ".spec.sourceRef"
	indexDependency = ".spec.dependsOn"
)

type restMapper = apimeta.RESTMapper

// addIndexes makes units findable by their source and by what they depend on.
func addIndexes(ctx context.Context, env *app.Env) error {
	indexes := map[string]client.IndexerFunc{
		indexSource: func(obj client.Object) []string {
			return []string{phase.SourceOf(obj.(*kustomizev1.Kustomization))}
		},
		indexDependency: func(obj client.Object) []string {
			var names []string
			for _, name := range phase.Dependencies(obj.(*kustomizev1.Kustomization)) {
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

// sourceKey names a source as phase.SourceOf does.
func sourceKey(obj client.Object) string {
	kind := ""
	if _, ok := obj.(*sourcev1.GitRepository); ok {
		kind = sourcev1.GitRepositoryKind
	}
	return kind + "/" + obj.GetNamespace() + "/" + obj.GetName()
}

// lookup reads sources and units from the cache.
type lookup struct {
	reader client.Reader
}

// source returns the source of a unit, or nil when there is none.
func (l *lookup) source(ctx context.Context, unit *kustomizev1.Kustomization) (meta.Source, error) {
	repository := &sourcev1.GitRepository{}
	key := types.NamespacedName{Namespace: unit.GetSourceNamespace(), Name: unit.Spec.SourceRef.Name}
	if err := l.reader.Get(ctx, key, repository); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return repository, nil
}

// unit returns a Kustomization, or nil when there is none.
func (l *lookup) unit(ctx context.Context, name types.NamespacedName) (*kustomizev1.Kustomization, error) {
	unit := &kustomizev1.Kustomization{}
	if err := l.reader.Get(ctx, name, unit); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return unit, nil
}

// siblings returns the other units made from the same source.
func (l *lookup) siblings(ctx context.Context, unit *kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error) {
	units := &kustomizev1.KustomizationList{}
	if err := l.reader.List(ctx, units, client.MatchingFields{indexSource: phase.SourceOf(unit)}); err != nil {
		return nil, fmt.Errorf("listing what is made from the same source: %w", err)
	}
	var others []*kustomizev1.Kustomization
	for i := range units.Items {
		if other := &units.Items[i]; other.UID != unit.UID {
			others = append(others, other)
		}
	}
	return others, nil
}

// read returns a live object, or nil when there is none.
func (c *cluster) read(ctx context.Context, id inventory.ID, version string) (*unstructured.Unstructured, error) {
	mapping, err := c.mapper.RESTMapping(id.GroupKind(), version)
	if err != nil {
		return nil, err
	}
	var resource dynamic.ResourceInterface = c.dynamic.Resource(mapping.Resource)
	if id.Namespace != "" {
		resource = c.dynamic.Resource(mapping.Resource).Namespace(id.Namespace)
	}
	obj, err := resource.Get(ctx, id.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return obj, err
}
