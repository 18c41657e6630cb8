package phase

import (
	"context"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/plan"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Plan decides what is done to the objects.
type Plan struct {
	// NoLedger applies every object of every build.
	NoLedger bool
}

// Run sets the plan.
func (p Plan) Run(_ context.Context, s *Scope) reconciler.Outcome {
	s.Plan = plan.Compute(plan.Input{
		Desired: s.Built.Desired(), Old: s.Old, Live: known(s), Due: s.Due, Forced: s.Forced || p.NoLedger,
		Watching: s.Object.GetDriftMode() != meta.DriftDisabled,
		Audit:    s.AuditDue || s.RightsDue,
		Prune:    s.Object.Spec.Prune,
	})
	return reconciler.Continue()
}

// known is what is known of the live objects.
func known(s *Scope) map[inventory.ID]plan.Live {
	known := make(map[inventory.ID]plan.Live, len(s.Live.Objects))
	for id, verdict := range s.Live.Objects {
		known[id] = state(verdict)
		if seen, ok := s.Cluster.Live.Lookup(id); ok && seen.Takeover && known[id] == plan.Suspect && s.Due {
			known[id] = plan.Takeover // a dry-run would find nothing of ours changed
		}
	}
	return known
}

// state translates what the watch says into what a plan asks.
func state(v live.Verdict) plan.Live {
	switch v.Kind {
	case live.Dirty:
		return plan.Dirty
	case live.Suspect:
		return plan.Suspect
	case live.TakeoverDue:
		return plan.Takeover
	case live.Gone:
		if v.AtInterval {
			return plan.Ending
		}
		return plan.Gone
	case live.Terminating:
		return plan.Terminating
	case live.Foreign:
		return plan.Foreign
	case live.Unwatched:
		return plan.Unwatched
	case live.Clean:
	}
	return plan.Clean
}
