// Package claim finds what a deletion must not take: the objects that moved to another
// Kustomization, and those that would go with what is deleted.
package claim

import (
	"context"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Finder finds them among the units of a source.
type Finder struct {
	// Siblings returns the other Kustomizations made from the same source.
	Siblings func(ctx context.Context, unit *kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error)
	// Sharing returns the other Kustomizations that are applied to the same cluster.
	Sharing func(ctx context.Context, unit *kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error)
	// Digests and Units know what units were built from and to; Builder builds what
	// they do not know.
	Digests *inputs.Inputs
	Units   *unitstate.Store
	Builder *build.Builder
}

// Elsewhere returns the objects that other units made from the same source as a unit
// want at the same artifact: deleting them would destroy what another unit is about
// to take over. A unit that cannot be built may want anything: all that is stale.
func (f Finder) Elsewhere(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact, stale []inventory.Entry) map[inventory.ID]bool {
	claimed := map[inventory.ID]bool{}
	siblings, err := f.Siblings(ctx, unit)
	if err != nil {
		logf.FromContext(ctx).Error(err, "looking for other owners, keeping what is stale")
		return all(stale)
	}
	for _, sibling := range siblings {
		if sibling.Spec.Suspend || !sibling.DeletionTimestamp.IsZero() || request.Cluster(sibling) != request.Cluster(unit) {
			continue
		}
		wanted, ok := f.wanted(ctx, a, sibling)
		if !ok {
			return all(stale)
		}
		for _, id := range wanted {
			claimed[id] = true
		}
	}
	return claimed
}

// wanted returns what a unit builds from an artifact, without a build if its state
// says it.
func (f Finder) wanted(ctx context.Context, a *meta.Artifact, unit *kustomizev1.Kustomization) ([]inventory.ID, bool) {
	last := f.Units.Peek(request.Key(unit)).Attempt
	settings, err := f.Digests.SettingsNow(ctx, unit)
	if err == nil && last.Settings == settings && (last.Artifact == a.Digest || f.Digests.Unchanged(ctx, unit, a, last)) {
		return last.Desired, true
	}
	built, err := f.Builder.Build(ctx, unit, a, "")
	if err != nil {
		return nil, false
	}
	return built.IDs(), true
}

func all(entries []inventory.Entry) map[inventory.ID]bool {
	ids := make(map[inventory.ID]bool, len(entries))
	for _, e := range entries {
		ids[e.ID] = true
	}
	return ids
}
