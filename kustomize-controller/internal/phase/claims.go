package phase

import (
	"context"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Claims finds the objects that other units want.
type Claims struct {
	// Siblings returns the other Kustomizations made from the same source.
	Siblings func(ctx context.Context, unit *kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error)
	// Digests and Memory know what units were built from and to; Builder builds what
	// they do not know.
	Digests *inputs.Inputs
	Memory  *memory.Memory
	Builder *build.Builder
}

// Elsewhere finds stale objects that another unit made from the same source wants at
// the same revision: they moved, and deleting them would destroy what the other unit
// is about to take over. A unit that cannot be built may want anything.
func (c Claims) Elsewhere(ctx context.Context, s *Scope) map[inventory.ID]bool {
	claimed := map[inventory.ID]bool{}
	siblings, err := c.Siblings(ctx, s.Object)
	if err != nil {
		logf.FromContext(ctx).Error(err, "looking for other owners, keeping what is stale")
		return all(s.Plan.Stale)
	}
	for _, sibling := range siblings {
		if sibling.Spec.Suspend || !sibling.DeletionTimestamp.IsZero() || request.Cluster(sibling) != request.Cluster(s.Object) {
			continue
		}
		wanted, ok := c.wanted(ctx, s.Artifact, sibling)
		if !ok {
			return all(s.Plan.Stale)
		}
		for _, id := range wanted {
			claimed[id] = true
		}
	}
	return claimed
}

// wanted returns what a unit builds from an artifact, from memory where it can.
func (c Claims) wanted(ctx context.Context, a *meta.Artifact, unit *kustomizev1.Kustomization) ([]inventory.ID, bool) {
	last := c.Memory.Peek(request.Key(unit)).Attempt
	settings, err := c.Digests.SettingsNow(ctx, unit)
	if err == nil && last.Settings == settings && (last.Artifact == a.Digest || c.Digests.Unchanged(ctx, unit, a, last)) {
		return last.Desired, true
	}
	built, err := c.Builder.Build(ctx, unit, a, "")
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
