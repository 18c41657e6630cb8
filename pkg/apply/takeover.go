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
func (a *Applier) takesOver(j *job, live *unstructured.Unstructured) bool {
	return a.policy(j).SSA != ownership.PolicyMerge && a.opts.Owner.Policy(live).SSA != ownership.PolicyMerge
}

// orderly returns what the metadata of an object has to be like before an apply
// means what it should.
func (a *Applier) orderly(j *job, live *unstructured.Unstructured) takeover.Plan {
	p := takeover.Plan{Owner: a.opts.Owner, Take: a.takesOver(j, live)}
	if a.opts.MigrateAPIVersion {
		p.Version = j.Object.GetAPIVersion()
	}
	return p
}

// prepare makes fields that others set ours, so that the apply which follows
// removes those that are not in the source, and migrates the API version of
// managed fields. The live object is read only when what was seen of it (the
// answer to a dry-run) shows that this is due: a dry-run shows our own entry as it
// would be, not as it is.
func (a *Applier) prepare(ctx context.Context, j *job, seen *unstructured.Unstructured) error {
	if !a.orderly(j, seen).Due(seen) {
		return nil
	}
	_, err := a.putInOrder(ctx, j)
	return err
}

// putInOrder does what is due to the metadata of the live object, and reports
// whether there was anything.
func (a *Applier) putInOrder(ctx context.Context, j *job) (changed bool, err error) {
	last := ""
	for attempt := 1; ; attempt++ {
		current, err := a.wire.Get(ctx, j.at, false)
		if err != nil {
			return false, err
		}
		operations, err := a.orderly(j, current).Patch(current)
		if err != nil || len(operations) == 0 {
			// Also after a patch whose answer was lost.
			return attempt > 1, err
		}
		_, patchErr := a.wire.Patch(ctx, j.at, operations)
		// A patch that removes what is gone already is invalid rather than in conflict.
		outdated := apierrors.IsConflict(patchErr) || apierrors.IsInvalid(patchErr) && current.GetResourceVersion() != last
		if !outdated || attempt == wire.Attempts {
			return patchErr == nil, patchErr
		}
		last = current.GetResourceVersion()
	}
}

// migrateRefused looks, after a refused apply, whether the object's managed fields
// speak of another API version: the server may not be able to make anything of
// them. It reports whether they did and were migrated. A verification changes
// nothing: its object has drifted, which gets it applied.
func (a *Applier) migrateRefused(ctx context.Context, j *job, refused error) (bool, error) {
	if apierrors.IsForbidden(refused) || apierrors.IsNotFound(refused) || wire.Transient(refused) {
		return false, nil
	}
	current, err := a.wire.Get(ctx, j.at, false)
	if err != nil {
		// There is no object, or it cannot be read: the refusal is what has to be told.
		return false, refused
	}
	if !a.orderly(j, current).Migrates(current) {
		return false, nil
	}
	switch {
	case a.opts.Owner.Policy(current).Excluded():
		j.finish(Skipped)
		return false, nil
	case j.Verify:
		j.finish(Drifted)
		return false, nil
	}
	return a.putInOrder(ctx, j)
}
