package phase

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
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
	shape, err := p.shape(s)
	if err != nil {
		return reconciler.Fail(err)
	}
	last := s.Memory.Attempt
	s.Attempt = memory.Attempt{
		Shape: shape, Artifact: s.Artifact.Digest, Inputs: fold(shape, s.Artifact.Digest),
	}
	switch {
	case s.Forced, !p.settled(s):
	case last.Inputs == s.Attempt.Inputs && last.Awaiting != nil:
		s.Attempt, s.Resumed = last, true
	case p.healthDue(s), s.auditDue(), p.Switches.NoSkips:
	case p.sealed(s, s.Attempt.Inputs):
		if last.Inputs == s.Attempt.Inputs {
			s.Attempt = last
		}
		return p.advance(s)
	case last.Shape == shape && p.sealed(s, last.Inputs) && p.unchanged(ctx, s, last):
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
	if !s.Memory.Expected {
		p.Live.Expect(s.Unit, s.Old)
		s.Memory.Expected = true
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
	for _, stray := range p.Live.Strays(s.Unit) {
		s.Old = s.Old.With(inventory.Entry{ID: stray.ID})
		s.Inventory = s.Old
	}
	return reconciler.Outcome{}, false
}

// look returns what is known of the live objects. Without the watch that is
// nothing.
func (p *Phases) look(s *Scope) live.Judgement {
	if !p.Switches.NoWatch {
		return p.Live.Judge(s.Unit)
	}
	unknown := live.Judgement{Synced: true, Objects: map[inventory.ID]live.Verdict{}}
	for _, e := range s.Old.Entries() {
		unknown.Objects[e.ID] = live.Verdict{Kind: live.Unwatched}
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
	p.Live.Refresh(s.Old.Kinds(), s.Start, func(error) {
		// A list that failed leaves its kind unwatched, which the plan sees.
		p.Memory.Update(unit, uid, func(u *memory.Unit) { u.Fresh = token })
		p.Wake(unit)
	})
}

// settled reports that no object of the unit asks for anything.
func (p *Phases) settled(s *Scope) bool {
	for _, e := range s.Old.Entries() {
		if e.Record.IsZero() {
			return false
		}
	}
	watching := s.Object.GetDriftMode() != meta.DriftDisabled
	for id, verdict := range s.Live.Objects {
		if p.asks(s, id, verdict, watching) {
			return false
		}
	}
	return true
}

// asks reports whether a verdict needs the pass to go on.
func (p *Phases) asks(s *Scope, id inventory.ID, v live.Verdict, watching bool) bool {
	switch v.Kind {
	case live.Dirty, live.Suspect, live.Gone:
		return watching && (s.Due || !v.AtInterval)
	case live.TakeoverDue, live.Unwatched:
		return watching && s.Due
	case live.Foreign: // released at once if it is no longer desired
		return watching && s.Due || !slices.Contains(s.Memory.Attempt.Desired, id)
	case live.Clean, live.Terminating:
	}
	return false
}

// sealed reports that the last success had the given inputs, that nobody changed
// the inventory since, and that the spec is the one it was about.
func (p *Phases) sealed(s *Scope, inputs string) bool {
	wire := s.Object.Status.Inventory
	return inputs != "" && wire != nil && wire.Inputs == s.Old.Seal(p.Key, []byte(inputs)) &&
		s.Object.Status.ObservedGeneration == s.Object.Generation
}

// unchanged reports that everything the last build read is the same in the new
// artifact, judged by the artifact's index.
func (p *Phases) unchanged(ctx context.Context, s *Scope, last memory.Attempt) bool {
	if last.Recording.Untraceable() || len(last.Recording.Entries) == 0 || !p.Memory.Trusts(SourceOf(s.Object)) {
		return false
	}
	index, ok, err := p.Artifacts.Index(ctx, *s.Artifact)
	if err != nil {
		logf.FromContext(ctx).V(1).Info("reading the index of the artifact, building instead", "error", err.Error())
	}
	return err == nil && ok && len(last.Recording.Check(index)) == 0
}

// Concerns reports whether an artifact may change what a unit has applied, as far
// as memory can tell.
func (p *Phases) Concerns(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact) bool {
	last := p.Memory.Attempt(keyOf(unit))
	s := &Scope{Object: unit, Artifact: a}
	shape, err := p.shape(s)
	if err != nil || !last.Complete || last.Shape != shape {
		return true
	}
	return last.Artifact != a.Digest && !p.unchanged(ctx, s, last)
}

// advance records the revision as applied and ends the pass.
func (p *Phases) advance(s *Scope) reconciler.Outcome {
	s.Advanced = s.Artifact.Revision != s.Object.Status.LastAppliedRevision
	s.Attempt.Complete = true
	s.Seal = s.Inventory.Seal(p.Key, []byte(s.Attempt.Inputs))
	if s.Advanced {
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

// shape digests the inputs other than the artifact.
func (p *Phases) shape(s *Scope) (string, error) {
	spec, err := json.Marshal(s.Object.Spec)
	if err != nil {
		return "", fmt.Errorf("digesting the spec: %w", err)
	}
	return fold(string(spec), p.Build, fmt.Sprint(p.Strict), string(s.Object.UID)), nil
}

func fold(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
