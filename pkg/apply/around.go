package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/apply/ignore"
	"github.com/capstan-gitops/capstan/pkg/apply/normal"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
)

// verified ends a job whose object is as it should be: its marks become the
// expected ones.
func (a *Applier) verified(unit live.Unit, j *job, uid types.UID, print inventory.Fingerprint) {
	j.finish(Unchanged)
	j.result.UID, j.result.Fingerprint = uid, print
	if a.opts.Table != nil {
		a.opts.Table.MarkVerified(unit, j.ID, print)
	}
}

// checkAround validates the apply of an object of which fields are ignored. The
// live object is read first, because what is sent depends on it; one that differs
// in ignored fields alone is left as it is.
func (a *Applier) checkAround(ctx context.Context, unit live.Unit, j *job) error {
	for attempt := 1; ; attempt++ {
		payload, owners, err := a.reshape(ctx, j)
		if err != nil {
			return err
		}
		if j.current != nil && a.opts.Owner.Policy(j.current).Excluded() {
			j.finish(Skipped)
			return nil
		}
		answer, err := a.dryRun(ctx, j, payload, true)
		if err != nil || answer == nil {
			return err
		}
		j.answer = answer
		if j.versionRead() != answer.GetResourceVersion() && attempt < wire.Attempts {
			continue // somebody wrote between the two
		}
		return a.judgeAround(unit, j, owners)
	}
}

// judgeAround compares the answer to the dry-run with the live object.
func (a *Applier) judgeAround(unit live.Unit, j *job, owners ignore.Owners) error {
	if j.current == nil {
		if j.Verify {
			j.finish(Missing)
		}
		return nil
	}
	same, err := a.sameAround(j, owners)
	switch {
	case err != nil:
		return err
	case same && (j.Verify || !a.orderly(j, j.current).Due(j.current)):
		a.verified(unit, j, j.current.GetUID(), a.opts.Owner.Fingerprint(j.current))
	case j.Verify:
		j.finish(Drifted)
	}
	return nil
}

// versionRead is the version of the live object that was read, empty when there
// was none.
func (j *job) versionRead() string {
	if j.current == nil {
		return ""
	}
	return j.current.GetResourceVersion()
}

// reshape reads the live object and returns what to apply over it.
func (a *Applier) reshape(ctx context.Context, j *job) (wire.Payload, ignore.Owners, error) {
	var owners ignore.Owners
	var err error
	j.current, err = a.wire.Get(ctx, j.at, true)
	if apierrors.IsNotFound(err) {
		j.current = nil
		payload, err := j.encoded()
		return payload, owners, err
	}
	if err != nil {
		return wire.Payload{}, owners, err
	}
	if owners, err = a.owners(j, j.current); err != nil {
		return wire.Payload{}, owners, err
	}
	payload, err := wire.Encode(j.Ignore.Payload(j.Object, j.current, owners))
	return payload, owners, err
}

// owners tells whose the fields of an object are. Those of managers that are
// taken over count as ours: after that nobody else applies them.
func (a *Applier) owners(j *job, obj *unstructured.Unstructured) (ignore.Owners, error) {
	taking := a.takesOver(j, obj)
	return ignore.OwnersOf(obj.GetManagedFields(), func(e *metav1.ManagedFieldsEntry) bool {
		return a.opts.Owner.Owns(e) || taking && a.opts.Owner.Takes(e)
	})
}

// sameAround reports that the dry-run would change ignored fields alone: what they
// are, or whose they are.
func (a *Applier) sameAround(j *job, before ignore.Owners) (bool, error) {
	if !normal.SameContent(j.current, j.Ignore.Mask(j.Object, j.current, j.answer, before)) {
		return false, nil
	}
	after, err := ignore.OwnersOf(j.answer.GetManagedFields(), a.opts.Owner.Owns)
	if err != nil {
		return false, err
	}
	before, err = ignore.OwnersOf(j.current.GetManagedFields(), a.opts.Owner.Owns)
	if err != nil {
		return false, err
	}
	return j.Ignore.Covers(j.Object, after.Ours().Difference(before.Ours())) &&
		j.Ignore.Covers(j.Object, before.Ours().Difference(after.Ours())), nil
}

// applyAround applies an object of which fields are ignored. The apply is bound to
// the version that was read: a value that was adopted must not undo a later write.
func (a *Applier) applyAround(ctx context.Context, j *job) (*unstructured.Unstructured, error) {
	for attempt := 1; ; attempt++ {
		payload, owners, err := a.reshape(ctx, j)
		if err != nil {
			return nil, err
		}
		if j.current != nil {
			bound := j.Ignore.Payload(j.Object, j.current, owners)
			bound.SetResourceVersion(j.current.GetResourceVersion())
			if payload, err = wire.Encode(bound); err != nil {
				return nil, err
			}
		}
		answer, err := a.wire.Apply(ctx, j.at, payload, wire.Mode{Full: j.full})
		if !apierrors.IsConflict(err) || attempt == wire.Attempts {
			return answer, err
		}
	}
}
