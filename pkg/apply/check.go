package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/normal"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// validate makes sure that every object of a stage will be accepted.
func (a *Applier) validate(ctx context.Context, unit live.Unit, stage Stage) ([][]*job, error) {
	ranks := make([][]*job, len(stage.Ranks))
	var all []*job
	for i, rank := range stage.Ranks {
		for _, t := range rank {
			j := &job{Task: t, full: stage.Awaited || t.Answered != nil}
			ranks[i] = append(ranks[i], j)
			all = append(all, j)
		}
	}
	failed := each(a.workers(), all, func(j *job) *ObjectError {
		return a.check(flow(ctx, unit, j), unit, j, len(all) == 1)
	})
	return ranks, refusal.Join(failed)
}

// check validates one object and notes what its policies make of it.
func (a *Applier) check(ctx context.Context, unit live.Unit, j *job, alone bool) *ObjectError {
	if a.policy(j).Excluded() {
		j.finish(Skipped)
		return nil
	}
	found, err := a.wire.Find(j.Object.GroupVersionKind())
	if err != nil {
		return objectError(j.Task, "dry-run", err)
	}
	j.at = wire.Ref{Resource: found, Namespace: j.Object.GetNamespace(), Name: j.Object.GetName()}
	if found.Namespaced && j.at.Namespace == "" {
		return objectError(j.Task, "dry-run", &refusal.NamespaceError{})
	}
	if alone && j.Known && !j.Verify && a.simple(j) {
		return nil
	}
	switch {
	case a.policy(j).SSA == ownership.PolicyIfNotPresent:
		err = a.checkCreation(ctx, j)
	case !j.Ignore.Empty():
		err = a.checkAround(ctx, unit, j)
	default:
		err = a.checkApply(ctx, unit, j)
	}
	if err != nil {
		return objectError(j.Task, "dry-run", err)
	}
	return nil
}

// simple reports that nothing about a known object has to be learned from a
// dry-run.
func (a *Applier) simple(j *job) bool {
	if a.policy(j).SSA == ownership.PolicyIfNotPresent || !j.Ignore.Empty() {
		return false
	}
	if a.opts.Table == nil {
		return true
	}
	seen, ok := a.opts.Table.Lookup(j.ID)
	return ok && !seen.Policy.Excluded() && !seen.Takeover
}

// checkCreation validates an object that is created once and then left alone.
func (a *Applier) checkCreation(ctx context.Context, j *job) error {
	payload, err := j.encoded()
	if err != nil {
		return err
	}
	_, _, err = a.wire.Create(ctx, j.at, payload, wire.Mode{DryRun: true})
	switch {
	case apierrors.IsAlreadyExists(err):
		j.finish(Skipped)
		return nil
	case err == nil && j.Verify:
		j.finish(Missing)
	}
	return err
}

// checkApply validates an apply.
func (a *Applier) checkApply(ctx context.Context, unit live.Unit, j *job) error {
	payload, err := j.encoded()
	if err != nil {
		return err
	}
	answer, err := a.dryRun(ctx, j, payload, j.Verify)
	if err != nil || answer == nil {
		return err
	}
	j.answer = answer
	switch {
	case j.exists() && a.opts.Owner.Policy(answer).Excluded():
		j.finish(Skipped)
	case j.Verify:
		return a.verify(ctx, unit, j)
	}
	return nil
}

// dryRun asks what an apply would come to. Without an answer and without an error
// the outcome is decided: the object is to be replaced, or the job is done.
func (a *Applier) dryRun(ctx context.Context, j *job, payload wire.Payload, full bool) (*unstructured.Unstructured, error) {
	mode := wire.Mode{DryRun: true, Full: full}
	answer, err := a.wire.Apply(ctx, j.at, payload, mode)
	if err != nil && a.opts.MigrateAPIVersion {
		due, migrateErr := a.migrateRefused(ctx, j, err)
		switch {
		case migrateErr != nil:
			return nil, migrateErr
		case j.done:
			return nil, nil
		case due:
			answer, err = a.wire.Apply(ctx, j.at, payload, mode)
		}
	}
	if err != nil && !j.Verify && refusal.Immutable(err) && a.forced(ctx, j) {
		if err = a.checkReplacement(ctx, j, err); err == nil {
			j.recreate = true
		}
		return nil, err
	}
	return answer, err
}

// verify compares the answer to a dry-run with what is there. With the object in
// the live table no read is needed: an apply that changes nothing leaves the
// fingerprint as it is.
func (a *Applier) verify(ctx context.Context, unit live.Unit, j *job) error {
	if !j.exists() {
		j.finish(Missing)
		return nil
	}
	print := a.opts.Owner.Fingerprint(j.answer)
	same, known := a.sameAsSeen(j, print)
	if !known {
		current, err := a.wire.Get(ctx, j.at, true)
		if err != nil {
			return err
		}
		same = normal.SameContent(current, j.answer) && (!j.Tidy || a.opts.Owner.Fingerprint(current).Hard == print.Hard)
	}
	if !same || j.Tidy && a.orderly(j, j.answer).Due(j.answer) {
		j.finish(Drifted)
		return nil
	}
	a.verified(unit, j, j.answer.GetUID(), print)
	return nil
}

// sameAsSeen compares the answer to a dry-run with the live table; known is
// false when the table has not seen the version that the dry-run started from,
// or counts no generations by which a change could be told.
func (a *Applier) sameAsSeen(j *job, print inventory.Fingerprint) (same, known bool) {
	if a.opts.Table == nil || j.answer.GetGeneration() == 0 {
		return false, false
	}
	seen, ok := a.opts.Table.Lookup(j.ID)
	if !ok || seen.ResourceVersion != j.answer.GetResourceVersion() {
		return false, false
	}
	return seen.Print == print, true
}
