package request

import (
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/delivery/dependency"
	"github.com/capstan-gitops/capstan/pkg/delivery/placement"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Key is the name of a unit.
func Key(unit *kustomizev1.Kustomization) types.NamespacedName {
	return types.NamespacedName{Namespace: unit.Namespace, Name: unit.Name}
}

// Self is the identity of the unit as an object.
func Self(unit *kustomizev1.Kustomization) inventory.ID {
	return inventory.ID{
		Namespace: unit.Namespace, Name: unit.Name,
		Group: kustomizev1.GroupVersion.Group, Kind: kustomizev1.KustomizationKind,
	}
}

// Source names the source of a unit: Kind/namespace/name.
func Source(unit *kustomizev1.Kustomization) string {
	ref := unit.Spec.SourceRef
	return ref.Kind + "/" + unit.GetSourceNamespace() + "/" + ref.Name
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

// Placement is where a unit asks to be applied, and as whom.
func Placement(unit *kustomizev1.Kustomization) placement.Request {
	return placement.Request{Unit: Key(unit), ServiceAccount: unit.Spec.ServiceAccountName, KubeConfig: unit.Spec.KubeConfig}
}

// Cluster names the cluster that a unit is applied to: empty for the one the
// controller runs in.
func Cluster(unit *kustomizev1.Kustomization) string {
	return placement.Key(unit.Namespace, unit.Spec.KubeConfig)
}

// PublishesIndex reports whether the index that the source of a unit publishes is
// believed: only source-controller keeps others from setting it.
func PublishesIndex(unit *kustomizev1.Kustomization) bool {
	return unit.Spec.SourceRef.Kind != sourcev1.ExternalArtifactKind
}

// Dependency is what checks of dependencies know of a unit. Which artifacts concern
// it is not part of the spec.
func Dependency(unit *kustomizev1.Kustomization) *dependency.Unit {
	return &dependency.Unit{
		Name: Key(unit), Suspended: unit.Spec.Suspend, Generation: unit.Generation, ObservedGeneration: unit.Status.ObservedGeneration,
		Conditions: unit.Status.Conditions, Source: Source(unit), Revision: unit.Status.LastAppliedRevision,
		DependsOn: Dependencies(unit),
		Fields: func() (map[string]any, error) {
			return depends.Fields(unit, kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind))
		},
	}
}

// JudgesByExpression reports whether a unit has an expression for a dependency.
func JudgesByExpression(unit *kustomizev1.Kustomization, dependency types.NamespacedName) bool {
	for i, name := range Dependencies(unit) {
		if name == dependency && unit.Spec.DependsOn[i].ReadyExpr != "" {
			return true
		}
	}
	return false
}

// Deletes reports whether what a unit applied is to be deleted with it. A
// suspended unit deletes nothing.
func Deletes(unit *kustomizev1.Kustomization) bool {
	if unit.Spec.Suspend {
		return false
	}
	switch unit.GetDeletionPolicy() {
	case kustomizev1.DeletionPolicyDelete, kustomizev1.DeletionPolicyWaitForTermination:
		return true
	case kustomizev1.DeletionPolicyOrphan:
		return false
	default:
		return unit.Spec.Prune
	}
}
