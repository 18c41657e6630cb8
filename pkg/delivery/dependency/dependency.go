// Package dependency decides whether a unit may proceed, by the others of its kind
// that it depends on.
package dependency

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// Unit is what the checks know of an object that depends on others, or that others
// depend on.
type Unit struct {
	Name types.NamespacedName
	// Suspended says that the unit is not reconciled.
	Suspended                      bool
	Generation, ObservedGeneration int64
	Conditions                     []metav1.Condition
	// Source names what the unit is made from, as Kind/namespace/name. Revision is
	// what was applied of it last.
	Source, Revision string
	// DependsOn names the units that this one depends on, in the order of the spec.
	DependsOn []types.NamespacedName
	// Concerns reports whether an artifact of Source may change what the unit has
	// applied; nil says that every artifact may.
	Concerns func(context.Context, *meta.Artifact) bool
	// Fields returns the object as expressions see it.
	Fields func() (map[string]any, error)
}

// Checker checks the dependencies of units.
type Checker struct {
	// Unit returns a unit, or nil when it does not exist.
	Unit func(ctx context.Context, name types.NamespacedName) (*Unit, error)
	// Additive makes readyExpr an addition to the checks that every dependency
	// undergoes.
	Additive bool
}

// Check returns a fault that waits while a unit may not proceed with an artifact.
// Ready has the expression of each dependency, or nil.
func (c *Checker) Check(ctx context.Context, unit *Unit, a *meta.Artifact, ready []*depends.ReadyExpr) error {
	if len(unit.DependsOn) == 0 {
		return nil
	}
	if cycle := depends.Cycle(unit.Name, c.edges(ctx)); cycle != nil {
		return depends.CycleError(cycle)
	}
	want := depends.Want{Source: unit.Source, Revision: a.Revision, Additive: c.Additive}
	found := make([]depends.Dependency, 0, len(unit.DependsOn))
	for i, name := range unit.DependsOn {
		other, err := c.Unit(ctx, name)
		if err != nil {
			return fmt.Errorf("reading dependency %s: %w", name, err)
		}
		d := describe(ctx, unit, a, name, other)
		if d.Ready = ready[i]; d.Ready != nil {
			if err := addFields(unit, other, &want, &d); err != nil {
				return fault.Retry(meta.ReasonDependencyNotReady, err)
			}
		}
		found = append(found, d)
	}
	return depends.Check(found, want)
}

// describe says what there is to know of a dependency. One of the same source
// that the artifact does not concern counts as having applied it.
func describe(ctx context.Context, unit *Unit, a *meta.Artifact, name types.NamespacedName, other *Unit) depends.Dependency {
	if other == nil {
		return depends.Dependency{Name: name, Missing: true}
	}
	d := depends.Dependency{
		Name: name, Suspended: other.Suspended, Generation: other.Generation, ObservedGeneration: other.ObservedGeneration,
		Conditions: other.Conditions, Source: other.Source, Revision: other.Revision,
	}
	if d.Source == unit.Source && d.Revision != a.Revision && other.Concerns != nil && !other.Concerns(ctx, a) {
		d.Revision = a.Revision
	}
	return d
}

// addFields hands both units to an expression.
func addFields(self, other *Unit, want *depends.Want, d *depends.Dependency) (err error) {
	if want.Self == nil {
		want.Self, err = self.Fields()
	}
	if err == nil && other != nil {
		d.Object, err = other.Fields()
	}
	return err
}

// edges follows the dependencies; a unit that cannot be read has none.
func (c *Checker) edges(ctx context.Context) func(types.NamespacedName) []types.NamespacedName {
	return func(name types.NamespacedName) []types.NamespacedName {
		unit, err := c.Unit(ctx, name)
		if err != nil || unit == nil {
			return nil
		}
		return unit.DependsOn
	}
}
