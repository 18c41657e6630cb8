package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/ignore"
	"github.com/capstan-gitops/capstan/pkg/apply/normal"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
)

// base is what an apply of an object with ignored fields starts from.
type base struct {
	// live is the object as it was read; nil when there is none.
	live *unstructured.Unstructured
	// owners says whose its fields are.
	owners ignore.Owners
}

// checkIgnored validates the apply of an object of which fields are ignored. The
// live object is read first, because what is sent depends on it; one that differs
// in ignored fields alone is left as it is.
func (a *Applier) checkIgnored(ctx context.Context, o object) (checked, error) {
	for attempt := 1; ; attempt++ {
		from, err := a.readBase(ctx, o)
		if err != nil {
			return checked{}, err
		}
		payload, err := wire.Encode(from.desired(o))
		if err != nil {
			return checked{}, err
		}
		if from.live != nil && a.opts.Owner.Policy(from.live).Excluded() {
			return o.ended(Skipped), nil
		}
		c, err := a.dryRun(ctx, o, payload, true)
		if err != nil || c.seen == nil {
			return c, err
		}
		if from.version() != c.seen.GetResourceVersion() && attempt < wire.Attempts {
			continue // somebody wrote between the two
		}
		return a.compareIgnored(c, from)
	}
}

// compareIgnored compares the answer to the dry-run with the live object.
func (a *Applier) compareIgnored(c checked, from base) (checked, error) {
	if from.live == nil {
		if c.Verify {
			return c.ended(Missing), nil
		}
		return c, nil
	}
	same, err := a.sameButIgnored(c, from)
	switch {
	case err != nil:
		return checked{}, err
	case same && (c.Verify || !a.orderly(c.object, from.live).Due(from.live)):
		return a.verified(c.object, from.live, a.opts.Owner.Fingerprint(from.live)), nil
	case c.Verify:
		return c.ended(Drifted), nil
	}
	return c, nil
}

// readBase reads the live object.
func (a *Applier) readBase(ctx context.Context, o object) (base, error) {
	current, err := a.wire.Get(ctx, o.at, true)
	if apierrors.IsNotFound(err) {
		return base{}, nil
	}
	if err != nil {
		return base{}, err
	}
	owners, err := a.owners(o, current)
	return base{live: current, owners: owners}, err
}

// desired returns what to apply over the live object.
func (b base) desired(o object) *unstructured.Unstructured {
	if b.live == nil {
		return o.Object
	}
	return o.Ignore.Payload(o.Object, b.live, b.owners)
}

// version is that of the live object, empty when there was none.
func (b base) version() string {
	if b.live == nil {
		return ""
	}
	return b.live.GetResourceVersion()
}

// owners returns whose the fields of an object are. Those of managers that are
// taken over count as ours: after that nobody else applies them.
func (a *Applier) owners(o object, live *unstructured.Unstructured) (ignore.Owners, error) {
	taking := a.takesOver(o, live)
	return ignore.OwnersOf(live.GetManagedFields(), func(e *metav1.ManagedFieldsEntry) bool {
		return a.opts.Owner.Owns(e) || taking && a.opts.Owner.Takes(e)
	})
}

// sameButIgnored reports that the dry-run would change ignored fields alone: what
// they are, or whose they are.
func (a *Applier) sameButIgnored(c checked, from base) (bool, error) {
	if !normal.SameContent(from.live, c.Ignore.Mask(c.Object, from.live, c.seen, from.owners)) {
		return false, nil
	}
	after, err := ignore.OwnersOf(c.seen.GetManagedFields(), a.opts.Owner.Owns)
	if err != nil {
		return false, err
	}
	before, err := ignore.OwnersOf(from.live.GetManagedFields(), a.opts.Owner.Owns)
	if err != nil {
		return false, err
	}
	return c.Ignore.Covers(c.Object, after.Ours().Difference(before.Ours())) &&
		c.Ignore.Covers(c.Object, before.Ours().Difference(after.Ours())), nil
}

// applyIgnored applies an object of which fields are ignored. The apply is bound to
// the version that was read: a value that was adopted must not undo a later write.
func (a *Applier) applyIgnored(ctx context.Context, o object) (*unstructured.Unstructured, error) {
	for attempt := 1; ; attempt++ {
		from, err := a.readBase(ctx, o)
		if err != nil {
			return nil, err
		}
		desired := from.desired(o)
		if from.live != nil {
			desired.SetResourceVersion(from.version())
		}
		payload, err := wire.Encode(desired)
		if err != nil {
			return nil, err
		}
		answer, err := a.wire.Apply(ctx, o.at, payload, wire.Mode{Full: o.full})
		if !apierrors.IsConflict(err) || attempt == wire.Attempts {
			return answer, err
		}
	}
}
