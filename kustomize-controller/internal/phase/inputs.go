package phase

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/pkg/delivery/await"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Inputs decides how much of the pass is needed. If nothing that can change the
// outcome differs from the last success, and nobody touched what it applied, the
// pass is over: the revision is recorded and nothing is sent.
type Inputs struct {
	// Digests knows what units are made from.
	Digests *inputs.Inputs
	// Key keys the ledger.
	Key inventory.Key
	// Rights counts the changes of roles and bindings in the controller's cluster.
	Rights func() uint64
	// Answer notes that the request of a unit for a new list of its live objects was
	// answered, and has the unit reconciled.
	Answer func(unit types.NamespacedName, uid types.UID, request string)
	// NoSkips builds at every pass, NoWatch verifies every object at the interval
	// instead of watching it.
	NoSkips, NoWatch bool
}

// Run begins the attempt.
func (p Inputs) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	if out, parked := p.observe(s); parked {
		return out
	}
	settings, err := p.Digests.Settings(s.Object, s.References)
	if err != nil {
		return reconciler.Fail(err)
	}
	last := s.Last
	s.Attempt = unitstate.Attempt{
		Settings: settings, Artifact: s.Artifact.Digest, Inputs: inputs.Fold(settings, s.Artifact.Digest),
	}
	if last.Settings == settings { // and so judged by the same rules
		s.Attempt.Judged = last.Judged
	}
	p.backOff(s)
	s.AuditDue = s.Due && s.State.Corrections.AuditDue(s.Start)
	s.RightsDue = p.rightsDue(s)
	switch {
	case s.Forced, !p.clean(s):
	case last.Inputs == s.Attempt.Inputs && last.Awaiting != nil:
		s.Attempt, s.Resumed = last, true
	case healthDue(s), s.AuditDue, s.RightsDue, p.NoSkips:
	case p.succeeded(s, s.Attempt.Inputs):
		if last.Inputs == s.Attempt.Inputs {
			s.Attempt = last
		}
		return p.advance(s)
	case last.Settings == settings && p.succeeded(s, last.Inputs) && p.Digests.Unchanged(ctx, s.Object, s.Artifact, last):
		last.Artifact, last.Inputs = s.Attempt.Artifact, s.Attempt.Inputs
		s.Attempt = last
		return p.advance(s)
	}
	return reconciler.Continue()
}

// observe asks the live table about the objects of the unit. It parks the pass
// until the table can answer: after a start, until every kind was listed; for a
// manual request, until every kind was listed anew.
func (p Inputs) observe(s *Scope) (reconciler.Outcome, bool) {
	if s.State.Table != s.Cluster.Live {
		s.Cluster.Live.Expect(s.Unit, s.Old)
		s.State.Table = s.Cluster.Live
		s.State.Due = s.Start.Add(dueAfter(s.Interval))
		s.State.Corrections.ScheduleFirstAudit(s.Start, s.Object.UID)
	}
	if token := s.Object.GetAnnotations()[meta.AnnotationRequestedAt]; s.Requested && s.Answered != token && s.Old.Len() > 0 {
		p.refresh(s, token)
		return reconciler.Park(parkFallback), true
	}
	s.Live = p.seen(s)
	if !s.Live.Synced {
		return reconciler.Park(parkFallback), true
	}
	for _, orphan := range s.Cluster.Live.Orphans(s.Unit) {
		s.Old = s.Old.With(inventory.Entry{ID: orphan.ID})
		s.Inventory = s.Old
	}
	return reconciler.Outcome{}, false
}

// seen returns what is known of the live objects. Without the watch that is nothing.
func (p Inputs) seen(s *Scope) live.Judgement {
	if !p.NoWatch {
		return s.Cluster.Live.Judge(s.Unit)
	}
	unknown := live.Judgement{Synced: true, Objects: map[inventory.ID]live.Finding{}}
	for _, e := range s.Old.Entries() {
		unknown.Objects[e.ID] = live.Finding{State: drift.Unwatched}
	}
	return unknown
}

// refresh asks for a consistent list of the unit's kinds, once for each request.
func (p Inputs) refresh(s *Scope, token string) {
	if s.State.Asked == token {
		return
	}
	s.State.Asked = token
	unit, uid := s.Unit, s.Object.UID
	s.Cluster.Live.Refresh(s.Old.Kinds(), s.Start, func(error) {
		// A list that failed leaves its kind unwatched, which the plan sees.
		p.Answer(unit, uid, token)
	})
}

// backOff leaves out what somebody keeps changing, and has the unit reconciled again
// when the first of it is due. At the interval everything is corrected; that a pass
// is made again because the last one failed is no new interval.
func (p Inputs) backOff(s *Scope) {
	corrections := s.corrections()
	s.State.Corrections.Expire(corrections)
	if retried := s.State.Failing == s.Attempt.Inputs && !s.Requested; s.Due && !retried {
		return
	}
	if next := s.State.Corrections.BackOff(corrections); !next.IsZero() && (s.Next.IsZero() || next.Before(s.Next)) {
		s.Next = next
	}
}

// rightsDue reports that the interval is over and that somebody changed roles or
// bindings since the unit's objects were last written or verified: a tenant whose
// rights were taken away is to hear of it.
func (p Inputs) rightsDue(s *Scope) bool {
	if _, tenant := s.Cluster.Identity.Account(); !tenant || !s.Cluster.Local {
		return false
	}
	s.Rights = p.Rights()
	return s.Due && s.State.Rights != s.Rights
}

// healthDue reports that the interval is over and an awaited object changed
// since it was found healthy.
func healthDue(s *Scope) bool {
	return s.Due && await.Changed(s.Cluster, s.awaited(), s.Last.Judged)
}

// clean reports that no object of the unit asks for anything.
func (p Inputs) clean(s *Scope) bool {
	for _, e := range s.Old.Entries() {
		if e.Record.IsZero() {
			return false
		}
	}
	watching := s.Object.GetDriftMode() != meta.DriftDisabled
	for id, found := range s.Live.Objects {
		if asks(s, id, found.State, watching) {
			return false
		}
	}
	return true
}

// asks reports whether the state of an object needs the pass to go on.
func asks(s *Scope, id inventory.ID, state drift.State, watching bool) bool {
	switch state {
	case drift.Dirty, drift.Suspect, drift.Gone:
		return watching
	case drift.TakeoverDue, drift.Unwatched, drift.Ended:
		return watching && s.Due
	case drift.Foreign: // released at once if it is no longer desired
		return watching && s.Due || !slices.Contains(s.Last.Desired, id)
	case drift.Clean, drift.Terminating:
	}
	return false
}

// succeeded reports that the last success had the given inputs, that nobody changed
// the inventory since, and that the spec is the one it was about.
func (p Inputs) succeeded(s *Scope, inputs string) bool {
	wire := s.Object.Status.Inventory
	return inputs != "" && wire != nil && wire.Inputs == s.Old.BindInputs(p.Key, []byte(inputs)) &&
		s.Object.Status.ObservedGeneration == s.Object.Generation
}

// advance records the revision as applied and ends the pass.
func (p Inputs) advance(s *Scope) reconciler.Outcome {
	if s.Artifact.Revision != s.Object.Status.LastAppliedRevision {
		s.Report(reconciler.Note{
			Reason: meta.ReasonReconciliationSucceeded, Message: "Applied revision: " + s.Artifact.Revision,
			Metadata: CommitStatus(), Silent: true,
		})
	}
	s.InputsDigest = s.Inventory.BindInputs(p.Key, []byte(s.Attempt.Inputs))
	s.reachGoal()
	return applied(s)
}

// CommitStatus marks an event that providers of commit statuses act on.
func CommitStatus() map[string]string { return map[string]string{"commit_status": "update"} }
