package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// carryOut applies a validated object.
func (a *Applier) carryOut(ctx context.Context, unit live.Unit, j *job) *ObjectError {
	if j.done {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return objectError(j.Task, "apply", err)
	}
	step := "apply"
	if j.answer == nil && !j.recreate {
		// There was no dry-run: this is the object's validation, and reads as such.
		step = "dry-run"
	}
	before := a.versionBefore(j)
	answer, print, err := a.write(ctx, unit, j)
	if err != nil && step == "dry-run" {
		answer, print, err = a.rescue(ctx, unit, j, err)
	}
	if apierrors.IsAlreadyExists(err) && a.policy(j).SSA == ownership.PolicyIfNotPresent {
		j.finish(Skipped)
		return nil
	}
	if err != nil {
		return objectError(j.Task, step, err)
	}
	j.finish(actionOf(j, before, answer.GetResourceVersion()))
	j.answer, j.payload = answer, nil
	j.result.UID, j.result.Fingerprint = answer.GetUID(), print
	if j.Answered != nil {
		j.Answered(answer)
	}
	return nil
}

// rescue does about the refusal of an apply without a dry-run what would have been
// done about that of the dry-run.
func (a *Applier) rescue(ctx context.Context, unit live.Unit, j *job, refused error) (*unstructured.Unstructured, inventory.Fingerprint, error) {
	migrated := false
	if a.opts.MigrateAPIVersion {
		var err error
		if migrated, err = a.migrateRefused(ctx, j, refused); err != nil {
			return nil, inventory.Fingerprint{}, err
		}
	}
	if !migrated {
		if !refusal.Immutable(refused) || !a.forced(ctx, j) {
			return nil, inventory.Fingerprint{}, refused
		}
		if err := a.checkReplacement(ctx, j, refused); err != nil {
			return nil, inventory.Fingerprint{}, err
		}
		j.recreate = true
	}
	return a.write(ctx, unit, j)
}

// actionOf tells from the versions of an object what an apply did to it.
func actionOf(j *job, before, after string) Action {
	switch {
	case before == "" && !j.recreate:
		return Created
	case before == after:
		return Unchanged
	}
	return Configured
}

// versionBefore is the resource version that the object had, empty when it did
// not exist.
func (a *Applier) versionBefore(j *job) string {
	if j.answer != nil {
		return j.answer.GetResourceVersion()
	}
	if j.Known && a.opts.Table != nil {
		if seen, ok := a.opts.Table.Lookup(j.ID); ok {
			return seen.ResourceVersion
		}
	}
	if j.Known {
		return "unknown"
	}
	return ""
}

// write makes the requests that change the object, and returns the answer with
// its fingerprint.
func (a *Applier) write(ctx context.Context, unit live.Unit, j *job) (*unstructured.Unstructured, inventory.Fingerprint, error) {
	if a.opts.Table == nil {
		answer, err := a.change(ctx, unit, j)
		if err != nil {
			return nil, inventory.Fingerprint{}, err
		}
		return answer, a.opts.Owner.Fingerprint(answer), nil
	}
	done := a.opts.Table.Applying(unit, j.ID)
	answer, err := a.change(ctx, unit, j)
	return answer, done(answer, err), err
}

func (a *Applier) change(ctx context.Context, unit live.Unit, j *job) (*unstructured.Unstructured, error) {
	switch {
	case a.policy(j).SSA == ownership.PolicyIfNotPresent:
		return a.create(ctx, unit, j)
	case j.recreate:
		if err := a.clear(ctx, j); err != nil {
			return nil, err
		}
	case j.exists():
		if err := a.prepare(ctx, j, j.answer); err != nil {
			return nil, err
		}
	}
	answer, err := a.apply(ctx, j)
	if err != nil || !a.orderly(j, answer).Due(answer) {
		return answer, err
	}
	// The first apply to an object without managed fields leaves them all to a
	// manager of the server's making, whose fields are ours as well.
	if err := a.prepare(ctx, j, answer); err != nil {
		return nil, err
	}
	return a.apply(ctx, j)
}

// apply makes the object what it should be.
func (a *Applier) apply(ctx context.Context, j *job) (*unstructured.Unstructured, error) {
	if !j.Ignore.Empty() && !j.recreate {
		return a.applyAround(ctx, j)
	}
	payload, err := j.encoded()
	if err != nil {
		return nil, err
	}
	return a.wire.Apply(ctx, j.at, payload, wire.Mode{Full: j.full})
}

// create makes an object that was not there. When the answer to an attempt was
// lost and the next one finds the object there, it may be the one just made.
func (a *Applier) create(ctx context.Context, unit live.Unit, j *job) (*unstructured.Unstructured, error) {
	payload, err := j.encoded()
	if err != nil {
		return nil, err
	}
	answer, again, err := a.wire.Create(ctx, j.at, payload, wire.Mode{Full: j.full})
	if !again || !apierrors.IsAlreadyExists(err) {
		return answer, err
	}
	found, getErr := a.wire.Get(ctx, j.at, j.full)
	if getErr != nil || a.opts.Owner.UnitOf(found) != unit || !a.opts.Owner.Created(found) {
		return nil, err
	}
	return found, nil
}
