package phase

import (
	"context"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Phases are the phases of the kind, each with what it needs.
type Phases struct {
	Accept       Accept
	Source       Source
	Dependencies Dependencies
	References   References
	Cluster      Cluster
	Inputs       Inputs
	Build        Build
	Plan         Plan
	Apply        Apply
	Prune        Prune
	Health       Health
	Finalize     Finalize
}

// Living returns the phases of a pass over a living Kustomization, in order.
func (p Phases) Living() []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{
		{Name: "accept", Run: p.Accept.Run},
		{Name: "source", Action: meta.ActionResolveSource, Run: p.Source.Run},
		{Name: "dependencies", Action: meta.ActionCheckDependencies, Run: p.Dependencies.Run},
		{Name: "references", Run: p.References.Run},
		{Name: "cluster", Run: p.Cluster.Run},
		{Name: "inputs", Action: meta.ActionResolveSource, Run: p.Inputs.Run, Progress: fetching},
		unlessResumed(reconciler.Phase[*Scope]{Name: "build", Run: p.Build.Run, Progress: building}),
		unlessResumed(reconciler.Phase[*Scope]{Name: "plan", Action: meta.ActionApply, Run: p.Plan.Run, Progress: detecting}),
		unlessResumed(reconciler.Phase[*Scope]{Name: "apply", Action: meta.ActionApply, Run: p.Apply.Run, Progress: detecting}),
		unlessResumed(reconciler.Phase[*Scope]{Name: "prune", Action: meta.ActionPrune, Run: p.Prune.Run, Progress: detecting}),
		{Name: "health", Action: meta.ActionHealthCheck, Run: p.Health.Run, Progress: checking},
	}
}

// Deleted returns the phases of a pass over a deleted Kustomization.
func (p Phases) Deleted() []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{{Name: "finalize", Action: meta.ActionFinalize, Run: p.Finalize.Run}}
}

// unlessResumed leaves a phase out when the objects of the attempt are applied
// already and the pass only checks their health.
func unlessResumed(phase reconciler.Phase[*Scope]) reconciler.Phase[*Scope] {
	run := phase.Run
	phase.Run = func(ctx context.Context, s *Scope) reconciler.Outcome {
		if s.Resumed {
			return reconciler.Continue()
		}
		return run(ctx, s)
	}
	return phase
}

// PutBack returns what keeps, at the end of every pass, what the pass leaves for the
// next one.
func PutBack(m *unitstate.Store) func(*Scope, reconciler.Outcome) {
	return func(s *Scope, out reconciler.Outcome) {
		switch {
		case out.Succeeded():
			s.State.Failing = ""
		case out.Failed() && s.Attempt.Inputs != "":
			s.State.Failing = s.Attempt.Inputs
		}
		s.State.Ledger = s.Inventory
		unit := unitstate.Unit{State: s.State, Attempt: s.Last}
		if s.keeps {
			unit.Attempt = s.Attempt
		}
		m.Put(s.Unit, s.Object.UID, unit)
	}
}

func fetching(s *Scope) string {
	return fmt.Sprintf("Fetching manifests for revision %s with a timeout of %s", s.Artifact.Revision, s.Timeout)
}

func building(s *Scope) string {
	return fmt.Sprintf("Building manifests for revision %s with a timeout of %s", s.Artifact.Revision, s.Timeout)
}

func detecting(s *Scope) string {
	return fmt.Sprintf("Detecting drift for revision %s with a timeout of %s", s.Artifact.Revision, s.Timeout)
}

func checking(s *Scope) string {
	return fmt.Sprintf("Running health checks for revision %s with a timeout of %s", s.Artifact.Revision, s.Timeout)
}

// applied ends a pass that reached its goal.
func applied(s *Scope) reconciler.Outcome {
	return reconciler.Done(meta.ReasonReconciliationSucceeded, "Applied revision: "+s.Artifact.Revision)
}
