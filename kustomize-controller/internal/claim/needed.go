package claim

import (
	"context"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

// Words for whose an object is that stays, or what it is to the unit.
const (
	ofBuild  = "this build"
	ofUnit   = "this Kustomization" // what it stands on: itself, its source, its ServiceAccount
	itself   = "is the Kustomization itself"
	source   = "is the source of the Kustomization"
	identity = "is the ServiceAccount that the Kustomization is applied with"
	target   = "is the target namespace of the Kustomization"
)

// Needed returns what the stale objects of a unit are still needed for, in words that
// follow the name of the object: deleting them would delete, or cut off, what did not
// leave the source. built are the objects of the build.
func (f Finder) Needed(ctx context.Context, unit *kustomizev1.Kustomization, h *cluster.Handle, built []inventory.ID, stale []inventory.Entry) (map[inventory.ID]string, error) {
	foundation := foundationOf(unit, h.Identity)
	var failed error
	stay := func(yield func(inventory.ID, string) bool) {
		for id, what := range foundation {
			if what != target && !yield(id, ofUnit) {
				return
			}
		}
		for _, id := range built {
			if !yield(id, ofBuild) {
				return
			}
		}
		var units []*kustomizev1.Kustomization
		if units, failed = f.Sharing(ctx, unit); failed != nil {
			return
		}
		for _, other := range units {
			applied, _ := inventory.Decode(other.Status.Inventory)
			for _, e := range applied.Entries() {
				if !yield(e.ID, request.Self(other).Subject()) {
					return
				}
			}
		}
	}
	needed := deletion.Needed(stale, stay, h.KindOf)
	if failed != nil {
		return nil, failed
	}
	for _, e := range stale {
		if what, ok := foundation[e.ID]; ok {
			if needed == nil {
				needed = map[inventory.ID]string{}
			}
			needed[e.ID] = what
		}
	}
	return needed, nil
}

// foundationOf is what a unit stands on, and what each is to it. The Kustomization and
// its source are in the cluster of the controller, and the rest where it is applied.
func foundationOf(unit *kustomizev1.Kustomization, as tenancy.Identity) map[inventory.ID]string {
	on := map[inventory.ID]string{}
	if request.Cluster(unit) == "" {
		on[request.Self(unit)] = itself
		on[inventory.ID{
			Group: sourcev1.GroupVersion.Group, Kind: unit.Spec.SourceRef.Kind, Namespace: unit.GetSourceNamespace(), Name: unit.Spec.SourceRef.Name,
		}] = source
	}
	if account, ok := as.Account(); ok {
		on[inventory.ID{Kind: "ServiceAccount", Namespace: account.Namespace, Name: account.Name}] = identity
	}
	if unit.Spec.TargetNamespace != "" {
		on[inventory.ID{Kind: "Namespace", Name: unit.Spec.TargetNamespace}] = target
	}
	return on
}
