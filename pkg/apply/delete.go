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
	// Deleted means that the server confirmed that the object is not there.
	Deleted DeleteResult = "deleted"
	// Terminating means that the object has finalizers or children to see to: it
	// stays in the inventory until it is gone.
	Terminating DeleteResult = "terminating"
	// Released means that the object is not ours to delete: its labels name
	// another owner, it is another object of the same name, or a policy keeps it.
	Released DeleteResult = "released"
)

// Target is an object to be deleted.
type Target struct {
	ID inventory.ID
	// Version is the API version it was applied with.
	Version string
	// UID is the object's when it was applied; empty when it is not known.
	UID types.UID
}

// DeleteOutcome is what became of a target.
type DeleteOutcome struct {
	Target
	// Result is empty when there is an error.
	Result DeleteResult
	// Err says why the object is still there.
	Err error
}

// Delete deletes an object of a unit if it still is the unit's. What the live
// table last saw decides, or else a read of its metadata; the deletion is bound
// to the version that was decided on, and decided anew when there is another.
func (a *Applier) Delete(ctx context.Context, unit live.Unit, target Target) (DeleteResult, error) {
	outcomes := a.DeleteAll(ctx, unit, []Target{target})
	return outcomes[0].Result, outcomes[0].Err
}

// DeleteAll deletes objects of a unit that still are the unit's, as Delete does,
// in the reverse of the order in which they are applied, those of one rank at
// once. One that cannot be deleted does not keep the others from being deleted.
// The outcomes are in the order of deletion.
func (a *Applier) DeleteAll(ctx context.Context, unit live.Unit, targets []Target) []DeleteOutcome {
	ctx = inflight.With(ctx, inflight.Flow{Key: unit})
	all := make([]*deletion, len(targets))
	for i, t := range targets {
		all[i] = &deletion{DeleteOutcome: DeleteOutcome{Target: t}, rank: manifest.Rank(t.ID.GroupKind())}
	}
	slices.SortStableFunc(all, func(x, y *deletion) int {
		return cmp.Or(cmp.Compare(y.rank, x.rank), strings.Compare(y.ID.String(), x.ID.String()))
	})
	for rest := all; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(d *deletion) bool { return d.rank != rest[0].rank })
		if n < 0 {
			n = len(rest)
		}
		a.deleteRank(ctx, unit, rest[:n])
		rest = rest[n:]
	}
	outcomes := make([]DeleteOutcome, len(all))
	for i, d := range all {
		outcomes[i] = d.DeleteOutcome
	}
	return outcomes
}

// deletion is a target on its way.
type deletion struct {
	DeleteOutcome
	rank int
	at   wire.Ref
	seen live.Observation
	// decided is the UID that was first decided on at the server: who made another
	// object of the name since then wants it.
	decided types.UID
	done    bool
}

func (d *deletion) end(result DeleteResult, err error) {
	d.done, d.Result = true, result
	if err != nil {
		d.Err = &ObjectError{ID: d.ID, Step: "delete", Err: err}
	}
}

// deleteRank deletes objects that do not depend on each other. Those that were
// changed between the decision and the deletion are decided on again.
func (a *Applier) deleteRank(ctx context.Context, unit live.Unit, rank []*deletion) {
	for attempt := 1; len(rank) > 0; attempt++ {
		parallel.Map(a.workers(), rank, func(d *deletion) struct{} {
			if a.examine(ctx, unit, d, attempt == 1); !d.done {
				a.remove(ctx, d, attempt == wire.Attempts)
			}
			return struct{}{}
		})
		rank = undone(rank)
	}
}

func undone(all []*deletion) []*deletion {
	var left []*deletion
	for _, d := range all {
		if !d.done {
			left = append(left, d)
		}
	}
	return left
}

// examine decides whether an object is to be deleted. The deletion is done when
// it is not.
func (a *Applier) examine(ctx context.Context, unit live.Unit, d *deletion, memory bool) {
	found, defined, err := a.wire.FindAny(ctx, schema.GroupVersionKind{Group: d.ID.Group, Version: d.Version, Kind: d.ID.Kind})
	if err != nil {
		d.end("", err)
		return
	}
	if !defined {
		// Without its definition there is no object of the kind.
		d.end(Deleted, nil)
		return
	}
	d.at = wire.Ref{Resource: found, Namespace: d.ID.Namespace, Name: d.ID.Name}
	if memory {
		d.seen, memory = a.remember(d.ID)
	}
	if !memory {
		d.seen, err = a.read(ctx, d.at, d.ID)
	}
	switch {
	case apierrors.IsNotFound(err):
		d.end(Deleted, nil)
	case err != nil:
		d.end("", err)
	case d.decided != "" && d.decided != d.seen.UID:
		d.end(Released, nil)
	default:
		if result, final := decide(unit, d.Target, d.seen); final {
			d.end(result, nil)
		}
		if !memory {
			d.decided = d.seen.UID
		}
	}
}

// remove deletes an object that was decided on. One that somebody changed since
// is left undone, to be decided on again.
func (a *Applier) remove(ctx context.Context, d *deletion, last bool) {
	gone, err := a.wire.Remove(ctx, d.at, metav1.Preconditions{UID: &d.seen.UID, ResourceVersion: &d.seen.ResourceVersion})
	switch {
	case gone || apierrors.IsNotFound(err):
		d.end(Deleted, nil)
	case err == nil:
		d.end(Terminating, nil)
	case !apierrors.IsConflict(err):
		d.end("", err)
	case last:
		d.end("", fmt.Errorf("%w; it was changed each time it was looked at", err))
	}
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

// decide says whether an object may be deleted; final is false when it may.
func decide(unit live.Unit, target Target, seen live.Observation) (result DeleteResult, final bool) {
	switch {
	case seen.Owner != unit, target.UID != "" && target.UID != seen.UID, seen.Policy.Kept():
		return Released, true
	case seen.Deleting:
		return Terminating, true
	}
	return "", false
}
