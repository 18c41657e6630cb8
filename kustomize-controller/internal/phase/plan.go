package phase

import (
	"context"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/apply/dropped"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/plan"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Plan decides what is done to the objects.
type Plan struct {
	// NoLedger applies every object of every build.
	NoLedger bool
	// RefuseUnknown applies what was applied without fields that the server does not
	// have, because these are an error now.
	RefuseUnknown bool
}

// Run sets the plan.
func (p Plan) Run(_ context.Context, s *Scope) reconciler.Outcome {
	s.Plan = plan.Compute(plan.Input{
		Desired: s.Built.Desired(), Old: s.Old, Live: known(s), Due: s.Due, Forced: s.Forced || p.NoLedger,
		Watching: s.Object.GetDriftMode() != meta.DriftDisabled,
		Audit:    s.AuditDue || s.RightsDue,
		Prune:    s.Object.Spec.Prune,
	})
	for i, step := range s.Plan.Steps {
		if old, known := s.Old.Lookup(step.ID); p.RefuseUnknown && known && dropped.HasUnknown(old.Dropped) {
			s.Plan.Steps[i].Action = plan.Apply
		}
	}
	return reconciler.Continue()
}

// known is what is known of the live objects.
func known(s *Scope) map[inventory.ID]drift.State {
	known := make(map[inventory.ID]drift.State, len(s.Live.Objects))
	for id, found := range s.Live.Objects {
		known[id] = found.State
		if seen, ok := s.Cluster.Live.Lookup(id); ok && seen.Takeover && found.State == drift.Suspect && s.Due {
			known[id] = drift.TakeoverDue // a dry-run would find nothing of ours changed
		}
	}
	return known
}
