package apply

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/pkg/apply/await"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

// replaceable says whether an object may be replaced that cannot be changed: nil if the
// task or a policy on the desired or the live object forces it, else the refusal. What
// takes more along needs the policy: a task's word is about all objects of its unit.
func (a *Applier) replaceable(ctx context.Context, o object, refused error) error {
	switch {
	case o.Force && !manifest.TakesAlong(o.Object), a.consents(ctx, o):
		return nil
	case o.Force:
		return fault.WithHint(refused, "replacing %s would also delete what it holds; to have that done, annotate it with %sforce=%s",
			o.ID.Subject(), a.opts.Owner.Names().PolicyPrefix, ownership.PolicyEnabled)
	}
	return refused
}

// consents reports that a policy on the desired or the live object forces it.
func (a *Applier) consents(ctx context.Context, o object) bool {
	if o.policy.Force == ownership.PolicyEnabled {
		return true
	}
	if seen, ok := a.remember(o.ID); ok {
		return seen.Policy.Force == ownership.PolicyEnabled
	}
	seen, err := a.read(ctx, o.at, o.ID)
	return err == nil && seen.Policy.Force == ownership.PolicyEnabled
}

// checkReplacement makes sure that the object would be accepted if the one that is
// in the way were gone: nothing is deleted for a replacement that would then be
// refused. A dry-run of its creation goes through all that a creation goes
// through, under its own name, so that rules about names count, and ends with the
// finding that the name is taken. Where it ends otherwise, the refusal that led
// here stands, and is what the user has to know.
func (a *Applier) checkReplacement(ctx context.Context, o object, payload wire.Payload, refused error) error {
	_, _, err := a.wire.Create(ctx, o.at, payload, wire.Mode{DryRun: true})
	if err == nil || apierrors.IsAlreadyExists(err) && !refusal.ByAdmission(err) {
		return nil
	}
	return refused
}

// clear deletes the object that is in the way and waits until it is gone. An
// object whose policies forbid it is left, which fails the task.
func (a *Applier) clear(ctx context.Context, o object) error {
	for attempt := 1; ; attempt++ {
		current, err := a.wire.Get(ctx, o.at, false)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if policy := a.opts.Owner.Policy(current); policy.Kept() || policy.Deletion == ownership.PolicyProtected {
			return errors.New("replacing it is needed, and its policies forbid deletion")
		}
		uid, version := current.GetUID(), current.GetResourceVersion()
		gone := false
		if current.GetDeletionTimestamp() == nil {
			gone, err = a.wire.Remove(ctx, o.at, metav1.Preconditions{UID: &uid, ResourceVersion: &version})
		}
		switch {
		case gone || apierrors.IsNotFound(err):
			return nil
		case err == nil:
			bounded, cancel := await.Bound(ctx, a.opts.Clock)
			defer cancel()
			return await.Absence(bounded, a.wire, o.at, uid)
		case !apierrors.IsConflict(err) || attempt == wire.Attempts:
			return err
		}
	}
}
