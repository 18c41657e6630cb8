package phase

import (
	"context"
	"slices"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// parkNet is how long a pass that waits for the live table rests when nothing
// wakes it.
const parkNet = 30 * time.Second

// inputs decides how much of the pass is needed. If nothing that can change the
// outcome differs from the last success, and nobody touched what it applied, the
// pass is over: the revision is recorded and nothing is sent.
func (p *Phases) inputs(ctx context.Context, s *Scope) reconciler.Outcome {
	if out, parked := p.judge(s); parked {
		return out
	}
	shape, err := p.Inputs.Shape(s.Object, s.References)
	if err != nil {
		return reconciler.Fail(err)
	}
	last := s.Memory.Attempt
	s.Attempt = memory.Attempt{
		Shape: shape, Artifact: s.Artifact.Digest, Inputs: inputs.Fold(shape, s.Artifact.Digest),
	}
	if last.Shape == shape { // and so judged by the same rules
		s.Attempt.Judged = last.Judged
	}
	switch {
	case s.Forced, !p.settled(s):
	case last.Inputs == s.Attempt.Inputs && last.Awaiting != nil:
		s.Attempt, s.Resumed = last, true
	case p.healthDue(s), s.auditDue(), p.rightsDue(s), p.Switches.NoSkips:
	case p.sealed(s, s.Attempt.Inputs):
		if last.Inputs == s.Attempt.Inputs {
			s.Attempt = last
		}
		return p.advance(s)
	case last.Shape == shape && p.sealed(s, last.Inputs) && p.Inputs.Unchanged(ctx, s.Object, s.Artifact, last):
		last.Artifact, last.Inputs = s.Attempt.Artifact, s.Attempt.Inputs
		s.Attempt = last
		return p.advance(s)
	}
	return reconciler.Continue()
}

// judge asks the live table about the objects of the unit. It parks the pass
// until the table can answer: after a start, until every kind was listed; for a
// manual request, until every kind was listed anew.
func (p *Phases) judge(s *Scope) (reconciler.Outcome, bool) {
	if s.Memory.Table != s.Cluster.Live {
		s.Cluster.Live.Expect(s.Unit, s.Old)
		s.Memory.Table = s.Cluster.Live
		s.Memory.Due = s.Start.Add(notch(s.Interval))
		s.Memory.Audit = firstAudit(s.Start, s.Object.UID)
		p.Memory.Put(s.Unit, s.Object.UID, s.Memory)
	}
	if token := s.Object.GetAnnotations()[meta.AnnotationRequestedAt]; s.Requested && s.Memory.Fresh != token && s.Old.Len() > 0 {
		p.refresh(s, token)
		return reconciler.Park(parkNet), true
	}
	s.Live = p.look(s)
	if !s.Live.Synced {
		return reconciler.Park(parkNet), true
	}
	p.holdBack(s)
	for _, stray := range s.Cluster.Live.Orphans(s.Unit) {
		s.Old = s.Old.With(inventory.Entry{ID: stray.ID})
		s.Inventory = s.Old
	}
	return reconciler.Outcome{}, false
}

// look returns what is known of the live objects. Without the watch that is
// nothing.
func (p *Phases) look(s *Scope) live.Judgement {
	if !p.Switches.NoWatch {
		return s.Cluster.Live.Judge(s.Unit)
	}
	unknown := live.Judgement{Synced: true, Objects: map[inventory.ID]live.Finding{}}
	for _, e := range s.Old.Entries() {
		unknown.Objects[e.ID] = live.Finding{State: drift.Unwatched}
	}
	return unknown
}

// refresh asks for a consistent list of the unit's kinds, once for each request.
func (p *Phases) refresh(s *Scope, token string) {
	if s.Memory.Asked == token {
		return
	}
	s.Memory.Asked = token
	p.Memory.Put(s.Unit, s.Object.UID, s.Memory)
	unit, uid := s.Unit, s.Object.UID
	s.Cluster.Live.Refresh(s.Old.Kinds(), s.Start, func(error) {
		// A list that failed leaves its kind unwatched, which the plan sees.
		p.Memory.Update(unit, uid, func(u *memory.Unit) { u.Fresh = token })
		p.Answer(unit)
	})
}

// rightsDue reports that the interval is over and that somebody changed roles or
// bindings since the unit's objects were last written or verified: a tenant whose
// rights were taken away is to hear of it.
func (p *Phases) rightsDue(s *Scope) bool {
	if _, tenant := s.Cluster.Identity.Account(); !tenant || !s.Cluster.Local {
		return false
	}
	s.Rights = p.Rights()
	return s.Due && s.Memory.Rights != s.Rights
}

// settled reports that no object of the unit asks for anything.
func (p *Phases) settled(s *Scope) bool {
	for _, e := range s.Old.Entries() {
		if e.Record.IsZero() {
			return false
		}
	}
	watching := s.Object.GetDriftMode() != meta.DriftDisabled
	for id, found := range s.Live.Objects {
		if p.asks(s, id, found.State, watching) {
			return false
		}
	}
	return true
}

// asks reports whether the state of an object needs the pass to go on.
func (p *Phases) asks(s *Scope, id inventory.ID, state drift.State, watching bool) bool {
	switch state {
	case drift.Dirty, drift.Suspect, drift.Gone:
		return watching
	case drift.TakeoverDue, drift.Unwatched, drift.Ended:
		return watching && s.Due
	case drift.Foreign: // released at once if it is no longer desired
		return watching && s.Due || !slices.Contains(s.Memory.Attempt.Desired, id)
	case drift.Clean, drift.Terminating:
	}
	return false
}

// sealed reports that the last success had the given inputs, that nobody changed
// the inventory since, and that the spec is the one it was about.
func (p *Phases) sealed(s *Scope, inputs string) bool {
	wire := s.Object.Status.Inventory
	return inputs != "" && wire != nil && wire.Inputs == s.Old.BindInputs(p.Key, []byte(inputs)) &&
		s.Object.Status.ObservedGeneration == s.Object.Generation
}

// advance records the revision as applied and ends the pass.
func (p *Phases) advance(s *Scope) reconciler.Outcome {
	s.Attempt.Complete = true
	s.Seal = s.Inventory.BindInputs(p.Key, []byte(s.Attempt.Inputs))
	if s.Artifact.Revision != s.Object.Status.LastAppliedRevision {
		s.Tell(reconciler.Note{
			Reason: meta.ReasonReconciliationSucceeded, Message: "Applied revision: " + s.Artifact.Revision,
			Metadata: CommitStatus(), Silent: true,
		})
	}
	p.rest(s)
	return applied(s)
}

// CommitStatus marks an event that providers of commit statuses act on.
func CommitStatus() map[string]string { return map[string]string{"commit_status": "update"} }

// rest notes when the interval ends that a finished pass begins.
func (p *Phases) rest(s *Scope) {
	if s.Due || s.Memory.Due.IsZero() {
		s.Memory.Due = s.Start.Add(notch(s.Interval))
	}
	p.remember(s)
}

// notch is how much of an interval has to pass for it to count as over: jitter may
// wake the unit a little early.
func notch(interval time.Duration) time.Duration { return interval * 9 / 10 }
