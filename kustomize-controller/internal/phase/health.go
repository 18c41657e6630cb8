package phase

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/await"
	"github.com/capstan-gitops/capstan/pkg/delivery/diagnose"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// pollPause is how long a wait rests for objects that no watch sees.
const pollPause = 5 * time.Second

// Health waits until the objects are healthy: the unit is parked, and woken when
// one of them changes. Only objects that changed are read again.
type Health struct {
	Clock clock.PassiveClock
	// Key keys the ledger.
	Key inventory.Key
	// NoFailFast waits for the deadline although an object has failed.
	NoFailFast bool
}

// Run judges the awaited objects.
func (p Health) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	awaited := s.awaited()
	if len(awaited) == 0 {
		return p.finish(s)
	}
	if s.Attempt.Awaiting == nil {
		s.Attempt.Awaiting = &await.Wait{
			Since: s.Start, Deadline: s.Start.Add(s.Timeout), Artifact: s.Artifact, Generation: s.Object.Generation,
		}
	}
	check := &await.Check{Cluster: s.Cluster, Rules: s.Rules, Judged: s.Attempt.Judged, Transient: s.Attempt.Transient}
	poll := await.Follow(s.Cluster, s.Unit, awaited)
	if err := check.Run(ctx, awaited); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonHealthCheckFailed, err))
	}
	s.Attempt.Judged = check.Judged
	now := p.Clock.Now()
	took := now.Sub(s.Attempt.Awaiting.Since).Round(time.Millisecond)
	switch {
	case len(check.Failed) > 0 && !p.NoFailFast:
		return unhealthy(ctx, s, check, check.Failed, health.After(took, health.FailedEarly(await.Subjects(check.Failed))))
	case len(check.Waiting) > 0 && !now.Before(s.Attempt.Awaiting.Deadline):
		return unhealthy(ctx, s, check, check.Waiting, health.After(took, health.Timeout(await.Subjects(check.Waiting))))
	case len(check.Waiting) > 0:
		return park(s, now, poll)
	}
	s.Healthy = HealthPassed
	if s.Changed || s.Resumed {
		s.Report(reconciler.Note{Reason: meta.ReasonProgressing, Message: health.Passed(took)})
		s.Changed = true
	}
	return p.finish(s)
}

// park parks the unit.
func park(s *Scope, now time.Time, poll bool) reconciler.Outcome {
	s.Healthy = HealthAwaited
	s.keepAttempt()
	until := s.Attempt.Awaiting.Deadline
	if next := now.Add(pollPause); poll && next.Before(until) {
		until = next
	}
	return reconciler.InProgress(checking(s), until)
}

// unhealthy ends a wait that failed, with the causes that the pods of the objects
// give. The next attempt begins anew, but for what came to its end.
func unhealthy(ctx context.Context, s *Scope, check *await.Check, subjects []await.Subject, message string) reconciler.Outcome {
	s.Healthy = HealthFailed
	s.Attempt.Awaiting, s.Attempt.Judged = nil, check.Final()
	s.Cluster.Live.Await(s.Unit, nil)
	s.keepAttempt()
	ids := make([]inventory.ID, 0, len(subjects))
	for _, u := range subjects {
		ids = append(ids, u.ID)
	}
	explainer := diagnose.Explainer{Read: s.Cluster.Read, List: s.Cluster.List}
	message = diagnose.Message(message, explainer.Explain(ctx, ids))
	return reconciler.Fail(fault.Retry(meta.ReasonHealthCheckFailed, errors.New(message)))
}

// finish ends a pass that reached its goal.
func (p Health) finish(s *Scope) reconciler.Outcome {
	s.Attempt.Awaiting = nil
	s.State.Rights = s.Rights
	if s.Behind {
		s.Next = p.Clock.Now()
	}
	if s.Inventory.Len() == len(s.Attempt.Desired) { // what is kept for another unit is checked again
		s.InputsDigest = s.Inventory.BindInputs(p.Key, []byte(s.Attempt.Inputs))
	}
	s.Cluster.Live.Await(s.Unit, nil)
	s.reachGoal()
	return applied(s)
}

// noteHealth returns what takes the health of objects from the answers to their
// applies; nil if nobody asks for it.
func (s *Scope) noteHealth(ctx context.Context) (note func(*unstructured.Unstructured)) {
	if s.Object.Spec.Wait || len(s.Object.Spec.HealthChecks) > 0 {
		s.Attempt.Judged, note = await.Noting(ctx, s.Rules, s.Attempt.Judged)
	}
	return note
}

// awaited lists the objects whose health the spec asks for.
func (s *Scope) awaited() []await.Target {
	return request.Awaited(s.Object, s.Inventory, s.Cluster.Namespaced)
}
