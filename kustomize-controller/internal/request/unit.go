package request

import (
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
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
