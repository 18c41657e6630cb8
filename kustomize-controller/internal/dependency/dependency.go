// Package dependency decides whether a Kustomization may proceed, by the others
// that it depends on.
package dependency

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// Checker checks the dependencies of units.
type Checker struct {
	// Unit returns a Kustomization, or nil.
	Unit func(ctx context.Context, name types.NamespacedName) (*kustomizev1.Kustomization, error)
	// Inputs knows which units an artifact concerns.
	Inputs *inputs.Inputs
	// Additive makes readyExpr an addition to the checks that every dependency
	// undergoes.
	Additive bool
}

// Check returns a fault that waits while a unit may not proceed with an artifact.
// Ready has the expression of each dependency, or nil.
func (c *Checker) Check(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact, ready []*depends.ReadyExpr) error {
	if len(unit.Spec.DependsOn) == 0 {
		return nil
	}
	if cycle := depends.Cycle(request.Key(unit), c.edges(ctx)); cycle != nil {
		return depends.CycleError(cycle)
	}
	want := depends.Want{Source: request.Source(unit), Revision: a.Revision, Additive: c.Additive}
	found := make([]depends.Dependency, 0, len(unit.Spec.DependsOn))
	for i, name := range request.Dependencies(unit) {
		other, err := c.Unit(ctx, name)
		if err != nil {
			return fmt.Errorf("reading dependency %s: %w", name, err)
		}
		d := c.describe(ctx, unit, a, name, other)
		if d.Ready = ready[i]; d.Ready != nil {
			if err := asFields(unit, other, &want, &d); err != nil {
				return fault.Retry(meta.ReasonDependencyNotReady, err)
			}
		}
		found = append(found, d)
	}
	return depends.Check(found, want)
}

// describe says what there is to know of a dependency. One of the same source
// that the artifact does not concern has as good as applied it.
func (c *Checker) describe(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact, name types.NamespacedName, other *kustomizev1.Kustomization) depends.Dependency {
	if other == nil {
		return depends.Dependency{Name: name, Missing: true}
	}
	d := depends.Dependency{
		Name: name, Generation: other.Generation, ObservedGeneration: other.Status.ObservedGeneration,
		Conditions: other.Status.Conditions, Source: request.Source(other), Revision: other.Status.LastAppliedRevision,
	}
	if d.Source == request.Source(unit) && d.Revision != a.Revision && !c.Inputs.Concerns(ctx, other, a) {
		d.Revision = a.Revision
	}
	return d
}

// asFields hands both units to an expression.
func asFields(self, other *kustomizev1.Kustomization, want *depends.Want, d *depends.Dependency) (err error) {
	kind := kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind)
	if want.Self == nil {
		want.Self, err = depends.Fields(self, kind)
	}
	if err == nil && other != nil {
		d.Object, err = depends.Fields(other, kind)
	}
	return err
}

// edges follows spec.dependsOn; a unit that cannot be read has no edges.
func (c *Checker) edges(ctx context.Context) func(types.NamespacedName) []types.NamespacedName {
	return func(name types.NamespacedName) []types.NamespacedName {
		unit, err := c.Unit(ctx, name)
		if err != nil || unit == nil {
			return nil
		}
		return request.Dependencies(unit)
	}
}
