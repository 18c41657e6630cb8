package phase

import (
	"context"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// taken reports that another unit has taken the object over already, so that it
// can be released.
func (s *Scope) taken(id inventory.ID) bool {
	seen, ok := s.Cluster.Live.Lookup(id)
	return ok && seen.Owner != s.Unit
}

// claimedElsewhere finds stale objects that another unit made from the same
// source wants at the same revision: they moved, and deleting them would destroy
// what the other unit is about to take over. A unit that cannot be built may
// want anything.
func (p *Phases) claimedElsewhere(ctx context.Context, s *Scope) map[inventory.ID]bool {
	claimed := map[inventory.ID]bool{}
	siblings, err := p.Siblings(ctx, s.Object)
	if err != nil {
		logf.FromContext(ctx).Error(err, "looking for other owners, keeping what is stale")
		return all(s.Plan.Deletion.Stale)
	}
	for _, sibling := range siblings {
		if sibling.Spec.Suspend || !sibling.DeletionTimestamp.IsZero() || request.Cluster(sibling) != request.Cluster(s.Object) {
			continue
		}
		wanted, ok := p.wanted(ctx, s.Artifact, sibling)
		if !ok {
			return all(s.Plan.Deletion.Stale)
		}
		for _, id := range wanted {
			claimed[id] = true
		}
	}
	return claimed
}

// wanted returns what a unit builds from an artifact, from memory where it can.
func (p *Phases) wanted(ctx context.Context, a *meta.Artifact, unit *kustomizev1.Kustomization) ([]inventory.ID, bool) {
	last := p.Memory.Attempt(request.Key(unit))
	shape, err := p.Inputs.ShapeNow(ctx, unit)
	if err == nil && last.Shape == shape && (last.Artifact == a.Digest || p.Inputs.Unchanged(ctx, unit, a, last)) {
		return last.Desired, true
	}
	built, err := p.Builder.Build(ctx, unit, a, "")
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
