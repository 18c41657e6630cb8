package phase

import (
	"context"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// plan decides what is done to the objects.
func (p *Phases) plan(_ context.Context, s *Scope) reconciler.Outcome {
	if s.Resumed {
		return reconciler.Continue()
	}
	known := make(map[inventory.ID]plan.Live, len(s.Live.Objects))
	for id, verdict := range s.Live.Objects {
		known[id] = state(verdict)
		if seen, ok := s.Cluster.Live.Lookup(id); ok && seen.Takeover && known[id] == plan.Suspect && s.Due {
			known[id] = plan.Takeover // a dry-run would find nothing of ours changed
		}
	}
	s.Plan = plan.Compute(plan.Input{
		Desired: s.Desired, Old: s.Old, Live: known, Due: s.Due, Forced: s.Forced || p.Switches.NoLedger,
		Watching: s.Object.GetDriftMode() != meta.DriftDisabled,
		Audit:    s.auditDue() || p.rightsDue(s),
		Prune:    s.Object.Spec.Prune,
		Budget:   p.Budget, Unit: string(s.Object.UID), Confirmed: confirmed(s.Object),
		Consent: s.Object.GetAnnotations()[meta.AnnotationConfirmDeletion],
	})
	return reconciler.Continue()
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

// confirmed is the consent to a deletion that was used last.
func confirmed(unit *kustomizev1.Kustomization) plan.Confirmed {
	if c := unit.Status.ConfirmedDeletion; c != nil {
		return plan.Confirmed{Digest: c.Digest, Remaining: c.Remaining}
	}
	return plan.Confirmed{}
}
