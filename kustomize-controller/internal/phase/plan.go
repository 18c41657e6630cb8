package phase

import (
	"context"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// plan decides what is done to the objects.
func (p *Phases) plan(_ context.Context, s *Scope) reconciler.Outcome {
	if s.Resumed {
		return reconciler.Continue()
	}
	known := make(map[inventory.ID]drift.State, len(s.Live.Objects))
	for id, found := range s.Live.Objects {
		known[id] = found.State
		if seen, ok := s.Cluster.Live.Lookup(id); ok && seen.Takeover && known[id] == drift.Suspect && s.Due {
			known[id] = drift.TakeoverDue // a dry-run would find nothing of ours changed
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

// confirmed is the consent to a deletion that was used last.
func confirmed(unit *kustomizev1.Kustomization) plan.Confirmed {
	if c := unit.Status.ConfirmedDeletion; c != nil {
		return plan.Confirmed{Digest: c.Digest, Remaining: c.Remaining}
	}
	return plan.Confirmed{}
}
