package depends

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// Dependency is an object as the one that depends on it sees it.
type Dependency struct {
	// Name of the object.
	Name types.NamespacedName
	// Missing says that there is no such object.
	Missing bool
	// Suspended says that the object is not reconciled.
	Suspended bool
	// Generation, ObservedGeneration and Conditions of the object.
	Generation, ObservedGeneration int64
	Conditions                     []metav1.Condition
	// Source names the source the object is made from, Revision the revision of
	// it that was applied last.
	Source, Revision string
	// Ready is the readyExpr of the dependent about this object; nil if it has
	// none. Object is the whole object, which only a readyExpr looks at.
	Ready  *ReadyExpr
	Object map[string]any
}

// Want is what the dependent needs: a dependency made from the same source has
// to have applied the same revision.
type Want struct {
	Source, Revision string
	// Self is the whole dependent, which only a readyExpr looks at.
	Self map[string]any
	// Additive asks the built-in questions of a dependency with a readyExpr as
	// well; without it the expression alone decides.
	Additive bool
}

// Check reports the first dependency that is not ready as a fault that waits.
func Check(dependencies []Dependency, want Want) error {
	for _, d := range dependencies {
		err := d.check(want)
		if err != nil && d.Suspended {
			err = fmt.Errorf("it is suspended (spec.suspend): %w", err)
		}
		if err != nil {
			return fault.Wait(meta.ReasonDependencyNotReady, fmt.Errorf("waiting for dependency %s: %w", d.Name, err))
		}
	}
	return nil
}

func (d Dependency) check(want Want) error {
	if d.Missing {
		return errors.New("it does not exist")
	}
	if d.Ready != nil {
		if err := d.Ready.holds(want.Self, d.Object); err != nil || !want.Additive {
			return err
		}
	}
	switch {
	case !status.IsTrue(d.Conditions, meta.ConditionReady):
		return errors.New("it is not ready")
	case d.ObservedGeneration != d.Generation:
		return errors.New("its last change has not been reconciled")
	case d.Source == want.Source && d.Revision != want.Revision:
		return fmt.Errorf("it has not applied revision %s", want.Revision)
	}
	return nil
}

// Cycle returns the names on a cycle that goes through start, start first and
// last, or nil when there is none.
func Cycle(start types.NamespacedName, edges func(types.NamespacedName) []types.NamespacedName) []types.NamespacedName {
	seen := map[types.NamespacedName]bool{}
	var walk func(path []types.NamespacedName) []types.NamespacedName
	walk = func(path []types.NamespacedName) []types.NamespacedName {
		for _, next := range edges(path[len(path)-1]) {
			if next == start {
				return append(slices.Clone(path), start)
			}
			if seen[next] {
				continue
			}
			seen[next] = true
			if found := walk(append(path, next)); found != nil { // siblings take turns in the same memory
				return found
			}
		}
		return nil
	}
	return walk([]types.NamespacedName{start})
}

// CycleError says that a cycle of dependencies can never become ready.
func CycleError(cycle []types.NamespacedName) error {
	names := make([]string, 0, len(cycle))
	for _, n := range cycle {
		names = append(names, n.String())
	}
	return fault.Wait(meta.ReasonDependencyNotReady,
		fmt.Errorf("checking dependencies: they form a cycle: %s", strings.Join(names, " → ")),
		fault.Hint("remove one of these entries of spec.dependsOn"))
}
