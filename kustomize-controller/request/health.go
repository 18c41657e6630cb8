package request

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/pkg/delivery/await"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Awaited lists the objects whose health a unit asks for: all that it applied,
// those skipped by a policy left out, or those that its health checks name. The
// unit does not wait for itself. A health check without namespace means the
// unit's own, if objects of the kind live in one.
func Awaited(unit *kustomizev1.Kustomization, applied inventory.Inventory, namespaced func(schema.GroupKind) bool) []await.Target {
	var targets []await.Target
	self := Self(unit)
	if unit.Spec.Wait {
		for _, e := range applied.Entries() {
			if e.Record.Live != (inventory.Fingerprint{}) && e.ID != self {
				targets = append(targets, await.Target{ID: e.ID, Version: e.Version})
			}
		}
		return targets
	}
	for _, ref := range unit.Spec.HealthChecks {
		t := targetOf(ref)
		if t.Namespace == "" && namespaced(t.GroupKind()) {
			t.Namespace = unit.Namespace
		}
		if t.ID != self {
			targets = append(targets, t)
		}
	}
	return targets
}

func targetOf(ref kustomizev1.HealthCheckReference) await.Target {
	apiVersion := ref.APIVersion
	if apiVersion == "" {
		apiVersion = "apps/v1"
	}
	gvk := schema.FromAPIVersionAndKind(apiVersion, ref.Kind)
	return await.Target{
		ID:      inventory.ID{Namespace: ref.Namespace, Name: ref.Name, Group: gvk.Group, Kind: gvk.Kind},
		Version: gvk.Version,
	}
}
