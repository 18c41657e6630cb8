package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/manifest"
	"github.com/capstan-gitops/capstan/pkg/parallel"
)

// DeleteResult is what became of an object that was to be deleted.
type DeleteResult string

// The results of a deletion.
const (
	// Deleted means that the server deleted the object at our request.
	Deleted DeleteResult = "deleted"
	// Absent means that the object is not there, and nothing was done about it.
	Absent DeleteResult = "absent"
	// Accepted means that the server has begun to delete the object at our request. It
	// has finalizers or children to see to, and stays in the inventory until it is gone.
	Accepted DeleteResult = "accepted"
	// Terminating means that the deletion of the object had begun before.
	Terminating DeleteResult = "terminating"
	// Released means that the object is not ours to delete: its labels name
	// another owner, it is another object of the same name, or a policy keeps it.
	Released DeleteResult = "released"
)

// Deletion is an object to be deleted.
type Deletion struct {
	ID inventory.ID
	// Version is the API version it was applied with.
	Version string
	// UID is the object's when it was applied; empty when it is not known.
	UID types.UID
}

// DeletionReport is what became of a deletion.
type DeletionReport struct {
	Deletion
	// Result is empty when there is an error.
	Result DeleteResult
	// Err says why the object is still there.
	Err error
}

// Delete deletes objects of a unit that still are the unit's, in the reverse of the
// order in which they are applied, those of one rank at once. What the live table
// last saw of an object decides, or else a read of its metadata; the deletion is
// bound to the version that was decided on, and decided anew when there is another.
// An object that cannot be deleted does not keep the others from being deleted. The
// reports are in the order of deletion.
func (a *Applier) Delete(ctx context.Context, unit live.Unit, deletions []Deletion) []DeletionReport {
	ctx = inflight.With(ctx, inflight.Flow{Key: unit})
	rank := func(d Deletion) int { return manifest.Rank(d.ID.GroupKind()) }
	rest := slices.Clone(deletions)
	slices.SortStableFunc(rest, func(x, y Deletion) int {
		return cmp.Or(cmp.Compare(rank(y), rank(x)), strings.Compare(y.ID.String(), x.ID.String()))
	})
	reports := make([]DeletionReport, 0, len(rest))
	for len(rest) > 0 {
		n := slices.IndexFunc(rest, func(d Deletion) bool { return rank(d) != rank(rest[0]) })
		if n < 0 {
			n = len(rest)
		}
		reports = append(reports, a.deleteRank(ctx, unit, rest[:n])...)
		rest = rest[n:]
	}
	return reports
}

// deleteRank deletes objects that do not depend on each other.
func (a *Applier) deleteRank(ctx context.Context, unit live.Unit, rank []Deletion) []DeletionReport {
	attempts := make([]deletion, len(rank))
	for i, d := range rank {
		attempts[i] = deletion{DeletionReport: DeletionReport{Deletion: d}}
	}
	for attempt := 1; slices.ContainsFunc(attempts, deletion.open); attempt++ {
		attempts = parallel.Map(a.workers(), attempts, func(d deletion) deletion {
			if !d.open() {
				return d
			}
			if d = a.decide(ctx, unit, d, attempt == 1); !d.open() {
				return d
			}
			return a.remove(ctx, d, attempt == wire.Attempts)
		})
	}
	reports := make([]DeletionReport, len(attempts))
	for i, d := range attempts {
		reports[i] = d.DeletionReport
	}
	return reports
}

// deletion is how far the deletion of an object has come. Each step returns a new
// one.
type deletion struct {
	DeletionReport
	at   wire.Ref
	seen live.Observation
	// decided is the UID that was first decided on at the server: who made another
	// object of the name since then wants it.
	decided types.UID
}

// open reports that there is no result yet. An object that somebody changed between
// the decision and the deletion is open again.
func (d deletion) open() bool { return d.Result == "" && d.Err == nil }

func (d deletion) ended(result DeleteResult) deletion {
	d.Result = result
	return d
}

func (d deletion) failed(err error) deletion {
	d.Err = &ObjectError{ID: d.ID, Step: "delete", Err: err}
	return d
}

// decide decides whether an object is to be deleted; if so, the
// deletion stays open. At first, what the live table knows is enough.
func (a *Applier) decide(ctx context.Context, unit live.Unit, d deletion, first bool) deletion {
	found, defined, err := a.wire.FindAny(ctx, schema.GroupVersionKind{Group: d.ID.Group, Version: d.Version, Kind: d.ID.Kind})
	if err != nil {
		return d.failed(err)
	}
	if !defined {
		// Without its definition there is no object of the kind.
		return d.ended(Absent)
	}
	d.at = wire.Ref{Resource: found, Namespace: d.ID.Namespace, Name: d.ID.Name}
	known := false
	if first {
		d.seen, known = a.remember(d.ID)
	}
	if !known {
		d.seen, err = a.read(ctx, d.at, d.ID)
	}
	switch {
	case apierrors.IsNotFound(err):
		return d.ended(Absent)
	case err != nil:
		return d.failed(err)
	case d.decided != "" && d.decided != d.seen.UID:
		return d.ended(Released)
	}
	if !known {
		d.decided = d.seen.UID
	}
	return d.ended(judge(unit, d.Deletion, d.seen))
}

// remove deletes an object that was decided on. One that somebody changed since
// stays open, to be decided on again.
func (a *Applier) remove(ctx context.Context, d deletion, last bool) deletion {
	gone, err := a.wire.Remove(ctx, d.at, metav1.Preconditions{UID: &d.seen.UID, ResourceVersion: &d.seen.ResourceVersion})
	switch {
	case gone || apierrors.IsNotFound(err):
		return d.ended(Deleted)
	case err == nil:
		return d.ended(Accepted)
	case !apierrors.IsConflict(err):
		return d.failed(err)
	case last:
		return d.failed(fmt.Errorf("%w; it was changed each time it was looked at", err))
	}
	return d
}

// remember returns what the live table last saw of an object.
func (a *Applier) remember(id inventory.ID) (live.Observation, bool) {
	if a.opts.Table == nil {
		return live.Observation{}, false
	}
	return a.opts.Table.Lookup(id)
}

// read returns what the server says about an object.
func (a *Applier) read(ctx context.Context, at wire.Ref, id inventory.ID) (live.Observation, error) {
	obj, err := a.wire.Get(ctx, at, false)
	if err != nil {
		return live.Observation{}, err
	}
	return live.Observation{
		ID: id, UID: obj.GetUID(), ResourceVersion: obj.GetResourceVersion(), Owner: a.opts.Owner.UnitOf(obj),
		Policy: a.opts.Owner.Policy(obj), Deleting: obj.GetDeletionTimestamp() != nil,
	}, nil
}

// judge says what becomes of an object without a deletion; it is empty for one that
// may be deleted.
func judge(unit live.Unit, d Deletion, seen live.Observation) DeleteResult {
	switch {
	case seen.Owner != unit, d.UID != "" && d.UID != seen.UID, seen.Policy.Kept():
		return Released
	case seen.Deleting:
		return Terminating
	}
	return ""
}
