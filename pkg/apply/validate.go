package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/capstan-gitops/capstan/pkg/apply/dropped"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/apply/stage"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// validate makes sure that every object of a stage will be accepted.
func (a *Applier) validate(ctx context.Context, unit live.Unit, s stage.Stage[*Task]) ([]checked, []*ObjectError) {
	tasks := s.All()
	return each(a.workers(), tasks, func(t *Task) (checked, *ObjectError) {
		o := object{Task: withoutOwned(t), unit: unit, policy: a.opts.Owner.Policy(t.Object), full: s.Awaited || t.Answered != nil}
		c, err := a.check(flow(ctx, unit, t), o, len(tasks) == 1)
		if err != nil {
			return c, objectError(t, "dry-run", err)
		}
		return c, nil
	})
}

// check validates one object and finds what its policies make of it. One that is
// alone in its stage and known is validated by its apply.
func (a *Applier) check(ctx context.Context, o object, alone bool) (checked, error) {
	if o.policy.Excluded() {
		return o.ended(Skipped), nil
	}
	found, err := a.wire.Find(o.Object.GroupVersionKind())
	if err != nil {
		return checked{}, err
	}
	o.at = wire.Ref{Resource: found, Namespace: o.Object.GetNamespace(), Name: o.Object.GetName()}
	switch {
	case found.Namespaced && o.at.Namespace == "":
		return checked{}, &refusal.NamespaceError{}
	}
	if !o.refusesUnknown() {
		o, _ = o.without(o.Unknown)
	}
	if alone && o.Known && !o.Verify && a.simple(o) {
		return checked{object: o}, nil
	}
	return tolerant(o, func(o object) (checked, error) {
		switch {
		case o.policy.SSA == ownership.PolicyIfNotPresent:
			return a.checkCreation(ctx, o)
		case !o.Ignore.Empty():
			return a.checkIgnored(ctx, o)
		}
		return a.checkApply(ctx, o)
	})
}

// simple reports that nothing about a known object has to be learned from a
// dry-run.
func (a *Applier) simple(o object) bool {
	if o.policy.SSA == ownership.PolicyIfNotPresent || !o.Ignore.Empty() {
		return false
	}
	if a.opts.Table == nil {
		return true
	}
	seen, ok := a.opts.Table.Lookup(o.ID)
	return ok && !seen.Policy.Excluded() && !seen.Takeover
}

// checkCreation validates an object that is created once and then left alone.
func (a *Applier) checkCreation(ctx context.Context, o object) (checked, error) {
	payload, err := o.encode()
	if err != nil {
		return checked{}, err
	}
	_, _, err = a.wire.Create(ctx, o.at, payload, wire.Mode{DryRun: true})
	switch {
	case apierrors.IsAlreadyExists(err):
		return o.ended(Skipped), nil
	case err == nil && o.Verify:
		return o.ended(Missing), nil
	}
	return checked{object: o, payload: small(payload)}, err
}

// checkApply validates an apply.
func (a *Applier) checkApply(ctx context.Context, o object) (checked, error) {
	payload, err := o.encode()
	if err != nil {
		return checked{}, err
	}
	c, err := a.dryRun(ctx, o, payload, o.Verify)
	c.payload = small(payload)
	switch {
	case err != nil || c.seen == nil:
		return c, err
	case exists(c.seen) && a.opts.Owner.Policy(c.seen).Excluded():
		return o.ended(Skipped), nil
	case o.Verify:
		return a.verify(ctx, o, c.seen)
	}
	return c, nil
}

// small returns a payload that is worth keeping until it is sent again, or nil.
func small(p wire.Payload) *wire.Payload {
	if p.Size() > retained {
		return nil
	}
	return &p
}

// dryRun asks what an apply would come to. Without an answer and without an error
// it is decided what becomes of the object: it is to be replaced, or nothing is
// left to be written.
func (a *Applier) dryRun(ctx context.Context, o object, payload wire.Payload, full bool) (checked, error) {
	mode := wire.Mode{DryRun: true, Full: full}
	answer, err := a.wire.Apply(ctx, o.at, payload, mode)
	if len(dropped.Named(err)) > 0 {
		return checked{}, err
	}
	if err != nil {
		m, mendErr := a.mend(ctx, o, err)
		switch {
		case mendErr != nil:
			return checked{}, mendErr
		case m.end != "":
			return o.ended(m.end), nil
		case m.mended:
			answer, err = a.wire.Apply(ctx, o.at, payload, mode)
		}
	}
	if err != nil && !o.Verify && refusal.Immutable(err) {
		refused := err
		if err = a.replaceable(ctx, o, refused); err == nil {
			err = a.checkReplacement(ctx, o, payload, refused)
			return checked{object: o, recreate: err == nil}, err
		}
	}
	return checked{object: o, seen: answer}, err
}
