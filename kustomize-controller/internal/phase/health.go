package phase

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/await"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/diagnose"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// pollPause is how long a wait rests for objects that no watch sees.
const pollPause = 5 * time.Second

// health waits until the objects are well: the unit is parked, and woken when
// one of them changes. Only objects that changed are read again.
func (p *Phases) health(ctx context.Context, s *Scope) reconciler.Outcome {
	awaited := s.awaited()
	if len(awaited) == 0 {
		return p.finish(s)
	}
	if s.Attempt.Awaiting == nil {
		s.Attempt.Awaiting = &memory.Await{
			Since: s.Start, Deadline: s.Start.Add(s.Timeout), Artifact: s.Artifact, Generation: s.Object.Generation,
		}
	}
	check := &await.Check{Cluster: s.Cluster, Rules: s.Rules, Judged: s.Attempt.Judged, Ending: s.Attempt.Ending}
	poll := await.Follow(s.Cluster, s.Unit, awaited)
	if err := check.Run(ctx, awaited); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonHealthCheckFailed, err))
	}
	s.Attempt.Judged = check.Judged
	now := p.Clock.Now()
	took := now.Sub(s.Attempt.Awaiting.Since).Round(time.Millisecond)
	switch {
	case len(check.Failed) > 0 && !p.Switches.NoFailFast:
		return p.unwell(ctx, s, check.Failed, health.After(took, health.FailedEarly(await.Subjects(check.Failed))))
	case len(check.Waiting) > 0 && !now.Before(s.Attempt.Awaiting.Deadline):
		return p.unwell(ctx, s, check.Waiting, health.After(took, health.Timeout(await.Subjects(check.Waiting))))
	case len(check.Waiting) > 0:
		return p.park(s, now, poll)
	}
	s.Healthy = HealthPassed
	if s.Changed || s.Resumed {
		s.Tell(reconciler.Note{Reason: meta.ReasonProgressing, Message: health.Passed(took)})
		s.Changed = true
	}
	return p.finish(s)
}

// judge returns what takes the health of objects from the answers to their
// applies; nil if nobody asks for it.
func (s *Scope) judge(ctx context.Context) (note func(*unstructured.Unstructured)) {
	if s.Object.Spec.Wait || len(s.Object.Spec.HealthChecks) > 0 {
		s.Attempt.Judged, note = await.Noting(ctx, s.Rules, s.Attempt.Judged)
	}
	return note
}

// park parks the unit.
func (p *Phases) park(s *Scope, now time.Time, poll bool) reconciler.Outcome {
	s.Healthy = HealthAwaited
	p.remember(s)
	until := s.Attempt.Awaiting.Deadline
	if next := now.Add(pollPause); poll && next.Before(until) {
		until = next
	}
	return reconciler.InProgress(checking(s), until)
}

// unwell ends a wait that did not end well, with the causes that the pods of the
// objects tell. The next attempt begins anew.
func (p *Phases) unwell(ctx context.Context, s *Scope, unwell []await.Subject, message string) reconciler.Outcome {
	s.Healthy = HealthFailed
	s.Attempt.Awaiting, s.Attempt.Judged = nil, nil
	s.Cluster.Live.Await(s.Unit, nil)
	p.remember(s)
	unwellIDs := make([]inventory.ID, 0, len(unwell))
	for _, u := range unwell {
		unwellIDs = append(unwellIDs, u.ID)
	}
	explainer := diagnose.Explainer{Read: s.Cluster.Read, List: s.Cluster.List}
	message = diagnose.Message(message, explainer.Explain(ctx, unwellIDs))
	return reconciler.Fail(fault.Retry(meta.ReasonHealthCheckFailed, errors.New(message)))
}

// finish ends a pass that reached its goal.
func (p *Phases) finish(s *Scope) reconciler.Outcome {
	s.Attempt.Awaiting = nil
	s.Attempt.Complete = true
	s.Memory.Rights = s.Rights
	if s.Behind {
		s.Next = p.Clock.Now()
	}
	if s.Inventory.Len() == len(s.Attempt.Desired) { // what is kept for another unit is looked at again
		s.Seal = s.Inventory.BindInputs(p.Key, []byte(s.Attempt.Inputs))
	}
	s.Cluster.Live.Await(s.Unit, nil)
	p.rest(s)
	return applied(s)
}

// awaited lists the objects whose health the spec asks for.
func (s *Scope) awaited() []request.Target {
	return request.Awaited(s.Object, s.Inventory, s.Cluster.Namespaced)
}

// healthDue reports that the interval is over and an awaited object changed
// since it was found healthy.
func (p *Phases) healthDue(s *Scope) bool {
	return s.Due && await.Changed(s.Cluster, s.awaited(), s.Memory.Attempt.Judged)
}
