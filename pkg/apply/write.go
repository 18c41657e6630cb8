package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/dropped"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// write applies a validated object.
func (a *Applier) write(ctx context.Context, c checked) (written, *ObjectError) {
	if c.end != nil {
		return written{object: c.object, Result: *c.end}, nil
	}
	if err := ctx.Err(); err != nil {
		return written{}, objectError(c.Task, "apply", err)
	}
	before := a.versionBefore(c)
	step := "apply"
	answer, fingerprint, err := a.send(ctx, c)
	if c.seen == nil && !c.recreate {
		// There was no dry-run: this is the object's validation, and reads as such.
		step = "dry-run"
		if err != nil {
			c, err = a.rescue(ctx, c, err)
			if c.end == nil && err == nil {
				answer, fingerprint, err = a.send(ctx, c)
			}
		}
	}
	if apierrors.IsAlreadyExists(err) && c.policy.SSA == ownership.PolicyIfNotPresent {
		c, err = c.ended(Skipped), nil
	}
	if err != nil {
		return written{}, objectError(c.Task, step, err)
	}
	if c.end != nil {
		return written{object: c.object, Result: *c.end}, nil
	}
	w := written{object: c.object, Result: resultOf(c.Task, actionOf(c, before, answer.GetResourceVersion())), answer: answer}
	w.UID, w.Fingerprint = answer.GetUID(), fingerprint
	if c.Answered != nil {
		c.Answered(answer)
	}
	return w, nil
}

// rescue does about the refusal of an apply without a dry-run what would have been
// done about that of the dry-run, and returns what is to be done then.
func (a *Applier) rescue(ctx context.Context, c checked, refused error) (checked, error) {
	if less, some := c.without(dropped.Named(refused)); some {
		known, err := tolerant(less, func(o object) (checked, error) { return a.checkApply(ctx, o) })
		if err != nil {
			return c, err
		}
		return known, nil
	}
	switch m, err := a.mend(ctx, c.object, refused); {
	case err != nil:
		return c, err
	case m.end != "":
		return c.ended(m.end), nil
	case m.mended:
		return c, nil
	}
	if !refusal.Immutable(refused) {
		return c, refused
	}
	if err := a.replaceable(ctx, c.object, refused); err != nil {
		return c, err
	}
	payload, err := c.encoded()
	if err != nil {
		return c, err
	}
	c.recreate = true
	return c, a.checkReplacement(ctx, c.object, payload, refused)
}

// actionOf concludes from the versions of an object what an apply did to it.
func actionOf(c checked, before, after string) Action {
	switch {
	case before == "" && !c.recreate:
		return Created
	case before == after:
		return Unchanged
	}
	return Configured
}

// versionBefore is the resource version that the object had, empty when it did
// not exist.
func (a *Applier) versionBefore(c checked) string {
	if c.seen != nil {
		return c.seen.GetResourceVersion()
	}
	if c.Known && a.opts.Table != nil {
		if seen, ok := a.opts.Table.Lookup(c.ID); ok {
			return seen.ResourceVersion
		}
	}
	if c.Known {
		return "unknown"
	}
	return ""
}

// send makes the requests that change the object, and returns the answer with its
// fingerprint. The live table concludes nothing from what it sees meanwhile.
func (a *Applier) send(ctx context.Context, c checked) (*unstructured.Unstructured, inventory.Fingerprint, error) {
	if a.opts.Table == nil {
		answer, err := a.change(ctx, c)
		if err != nil {
			return nil, inventory.Fingerprint{}, err
		}
		return answer, a.opts.Owner.Fingerprint(answer), nil
	}
	done := a.opts.Table.Applying(c.unit, c.ID)
	answer, err := a.change(ctx, c)
	return answer, done(answer, err), err
}

// change does what has to be done before the apply, and applies.
func (a *Applier) change(ctx context.Context, c checked) (*unstructured.Unstructured, error) {
	switch {
	case c.policy.SSA == ownership.PolicyIfNotPresent:
		return a.create(ctx, c)
	case c.recreate:
		if err := a.clear(ctx, c.object); err != nil {
			return nil, err
		}
	case exists(c.seen):
		if err := a.prepare(ctx, c.object, c.seen); err != nil {
			return nil, err
		}
	}
	answer, err := a.apply(ctx, c)
	if err != nil || !a.orderly(c.object, answer).Due(answer) {
		return answer, err
	}
	// The first apply to an object without managed fields leaves them all to a
	// manager of the server's making, whose fields are ours as well.
	if err := a.prepare(ctx, c.object, answer); err != nil {
		return nil, err
	}
	return a.apply(ctx, c)
}

// apply makes the object what it should be.
func (a *Applier) apply(ctx context.Context, c checked) (*unstructured.Unstructured, error) {
	if !c.Ignore.Empty() && !c.recreate {
		return a.applyIgnored(ctx, c.object)
	}
	payload, err := c.encoded()
	if err != nil {
		return nil, err
	}
	return a.wire.Apply(ctx, c.at, payload, wire.Mode{Full: c.full})
}

// create makes an object that was not there. When the answer to an attempt was
// lost and the next one finds the object there, it may be the one just made.
func (a *Applier) create(ctx context.Context, c checked) (*unstructured.Unstructured, error) {
	payload, err := c.encoded()
	if err != nil {
		return nil, err
	}
	answer, again, err := a.wire.Create(ctx, c.at, payload, wire.Mode{Full: c.full})
	if !again || !apierrors.IsAlreadyExists(err) {
		return answer, err
	}
	found, getErr := a.wire.Get(ctx, c.at, c.full)
	if getErr != nil || a.opts.Owner.UnitOf(found) != c.unit || !a.opts.Owner.Created(found) {
		return nil, err
	}
	return found, nil
}
