package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/takeover"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// takesOver reports that no policy keeps other managers' fields.
func (a *Applier) takesOver(o object, live *unstructured.Unstructured) bool {
	return o.policy.SSA != ownership.PolicyMerge && a.opts.Owner.Policy(live).SSA != ownership.PolicyMerge
}

// orderly returns what the metadata of an object has to be like before an apply
// means what it should.
func (a *Applier) orderly(o object, live *unstructured.Unstructured) takeover.Plan {
	p := takeover.Plan{Owner: a.opts.Owner, Take: a.takesOver(o, live)}
	if a.opts.MigrateAPIVersion {
		p.Version = o.Object.GetAPIVersion()
	}
	return p
}

// prepare makes fields that others set ours, so that the apply which follows
// removes those that are not in the source, and migrates the API version of
// managed fields. The live object is read only when what was seen of it (the
// answer to a dry-run) shows that this is due: a dry-run shows our own entry as it
// would be, not as it is.
func (a *Applier) prepare(ctx context.Context, o object, seen *unstructured.Unstructured) error {
	if !a.orderly(o, seen).Due(seen) {
		return nil
	}
	_, err := a.putInOrder(ctx, o)
	return err
}

// putInOrder does what is due to the metadata of the live object, and reports
// whether there was anything.
func (a *Applier) putInOrder(ctx context.Context, o object) (changed bool, err error) {
	last := ""
	for attempt := 1; ; attempt++ {
		current, err := a.wire.Get(ctx, o.at, false)
		if err != nil {
			return false, err
		}
		operations, err := a.orderly(o, current).Patch(current)
		if err != nil || len(operations) == 0 {
			// Also after a patch whose answer was lost.
			return attempt > 1, err
		}
		_, patchErr := a.wire.Patch(ctx, o.at, operations)
		// A patch that removes what is gone already is invalid rather than in conflict.
		outdated := apierrors.IsConflict(patchErr) || apierrors.IsInvalid(patchErr) && current.GetResourceVersion() != last
		if !outdated || attempt == wire.Attempts {
			return patchErr == nil, patchErr
		}
		last = current.GetResourceVersion()
	}
}

// mended is what came of a refused apply that the metadata of the object may be
// the reason for.
type mended struct {
	// mended says that it was put in order.
	mended bool
	// end is what becomes of the object, if that is decided.
	end Action
}

// mend finds out, after a refused apply, whether the metadata of the live object is in
// the way, and puts it in order. Managed fields may speak of another API version, of
// which the server can make nothing. And fields that are to be taken over may stand
// beside ours where only one can be: a port that was renumbered, a volume of another
// type. The apply that follows a takeover removes them. A verification changes
// nothing: its object has drifted, which gets it applied.
func (a *Applier) mend(ctx context.Context, o object, refused error) (mended, error) {
	migrates := a.opts.MigrateAPIVersion && !apierrors.IsForbidden(refused) && !apierrors.IsNotFound(refused) && !wire.Transient(refused)
	collides := apierrors.IsInvalid(refused) && a.mayTakeOver(o)
	if !migrates && !collides {
		return mended{}, nil
	}
	current, err := a.wire.Get(ctx, o.at, false)
	if err != nil {
		// There is no object, or it cannot be read: the refusal is what has to be reported.
		return mended{}, refused
	}
	order := a.orderly(o, current)
	switch due := order.Migrates(current) || collides && order.Due(current); {
	case !due:
		return mended{}, nil
	case a.opts.Owner.Policy(current).Excluded():
		return mended{end: Skipped}, nil
	case o.Verify:
		return mended{end: Drifted}, nil
	}
	changed, err := a.putInOrder(ctx, o)
	return mended{mended: changed}, err
}

// mayTakeOver reports that the live object may have fields that are to be taken over:
// what the live table last saw of it has some, or the table has not seen it.
func (a *Applier) mayTakeOver(o object) bool {
	seen, known := a.remember(o.ID)
	return o.policy.SSA != ownership.PolicyMerge && (!known || seen.Takeover)
}
