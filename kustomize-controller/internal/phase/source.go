package phase

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// source finds the artifact to apply. A source that is missing, or has nothing
// yet, leaves everything that was applied as it is.
func (p *Phases) source(ctx context.Context, s *Scope) reconciler.Outcome {
	name := SourceOf(s.Object)
	src, err := p.Source(ctx, s.Object)
	if err != nil {
		return reconciler.Fail(fmt.Errorf("reading source %s: %w", name, err))
	}
	if src == nil {
		return reconciler.Fail(fault.Wait(meta.ReasonArtifactFailed,
			fmt.Errorf("finding source %s: it does not exist", name), fault.After(s.Retry)))
	}
	if s.Artifact = src.GetArtifact(); s.Artifact == nil {
		return reconciler.Fail(fault.Wait(meta.ReasonArtifactFailed,
			errors.New("source is not ready: "+name+" has no artifact yet")))
	}
	s.Due = s.Due || s.Artifact.Revision != s.Object.Status.LastAppliedRevision
	return reconciler.Continue()
}

// SourceOf names the source of a Kustomization: Kind/namespace/name.
func SourceOf(unit *kustomizev1.Kustomization) string {
	ref := unit.Spec.SourceRef
	namespace := ref.Namespace
	if namespace == "" {
		namespace = unit.Namespace
	}
	return ref.Kind + "/" + namespace + "/" + ref.Name
}

// dependencies lets the unit proceed only when those it depends on are ready.
func (p *Phases) dependencies(ctx context.Context, s *Scope) reconciler.Outcome {
	if len(s.Object.Spec.DependsOn) == 0 {
		return reconciler.Continue()
	}
	if cycle := depends.Cycle(s.Unit, p.edges(ctx)); cycle != nil {
		return reconciler.Fail(depends.CycleError(cycle))
	}
	found := make([]depends.Dependency, 0, len(s.Object.Spec.DependsOn))
	for _, name := range Dependencies(s.Object) {
		other, err := p.Unit(ctx, name)
		if err != nil {
			return reconciler.Fail(fmt.Errorf("reading dependency %s: %w", name, err))
		}
		found = append(found, p.dependency(ctx, s, name, other))
	}
	return reconciler.Fail(depends.Check(found, depends.Want{Source: SourceOf(s.Object), Revision: s.Artifact.Revision}))
}

// dependency describes another unit. One of the same source that the artifact
// does not concern has as good as applied it.
func (p *Phases) dependency(ctx context.Context, s *Scope, name types.NamespacedName, unit *kustomizev1.Kustomization) depends.Dependency {
	if unit == nil {
		return depends.Dependency{Name: name, Missing: true}
	}
	d := depends.Dependency{
		Name: name, Generation: unit.Generation, ObservedGeneration: unit.Status.ObservedGeneration,
		Conditions: unit.Status.Conditions, Source: SourceOf(unit), Revision: unit.Status.LastAppliedRevision,
	}
	if d.Source == SourceOf(s.Object) && d.Revision != s.Artifact.Revision && !p.Concerns(ctx, unit, s.Artifact) {
		d.Revision = s.Artifact.Revision
	}
	return d
}

// edges follows spec.dependsOn through the cache; a unit that cannot be read has
// no edges.
func (p *Phases) edges(ctx context.Context) func(types.NamespacedName) []types.NamespacedName {
	return func(name types.NamespacedName) []types.NamespacedName {
		unit, err := p.Unit(ctx, name)
		if err != nil || unit == nil {
			return nil
		}
		return Dependencies(unit)
	}
}

// Dependencies names the units that a unit depends on.
func Dependencies(unit *kustomizev1.Kustomization) []types.NamespacedName {
	names := make([]types.NamespacedName, 0, len(unit.Spec.DependsOn))
	for _, dep := range unit.Spec.DependsOn {
		namespace := dep.Namespace
		if namespace == "" {
			namespace = unit.Namespace
		}
		names = append(names, types.NamespacedName{Namespace: namespace, Name: dep.Name})
	}
	return names
}
