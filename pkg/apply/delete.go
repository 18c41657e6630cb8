package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/mark"
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

// Delete deletes an object of a unit if it still is the unit's. What the live
// table last saw decides, or else a read of its metadata; the deletion is bound
// to the version that was decided on, and decided anew when there is another.
func (a *Applier) Delete(ctx context.Context, unit live.Unit, target Target) (DeleteResult, error) {
	fail := func(err error) (DeleteResult, error) {
		return "", &ObjectError{ID: target.ID, Step: "delete", Err: err}
	}
	at, defined, err := a.findAny(ctx, schema.GroupVersionKind{Group: target.ID.Group, Version: target.Version, Kind: target.ID.Kind})
	if err != nil {
		return fail(err)
	}
	if !defined {
		// Without its definition there is no object of the kind.
		return Deleted, nil
	}
	for attempt := 1; ; attempt++ {
		seen, err := a.look(ctx, at, target.ID, attempt == 1)
		if apierrors.IsNotFound(err) {
			return Deleted, nil
		}
		if err != nil {
			return fail(err)
		}
		if result, final := decide(unit, target, seen); final {
			return result, nil
		}
		gone, err := a.remove(ctx, at, target.ID.Namespace, target.ID.Name,
			metav1.Preconditions{UID: &seen.UID, ResourceVersion: &seen.ResourceVersion})
		switch {
		case gone || apierrors.IsNotFound(err):
			return Deleted, nil
		case err == nil:
			return Terminating, nil
		case !apierrors.IsConflict(err) || attempt == attempts:
			return fail(err)
		}
	}
}

// look returns what is known of an object: from memory where that may be used,
// else from the server.
func (a *Applier) look(ctx context.Context, at resource, id inventory.ID, memory bool) (live.Observation, error) {
	if memory && a.opts.Table != nil {
		if seen, ok := a.opts.Table.Lookup(id); ok {
			return seen, nil
		}
	}
	obj, err := a.metadata(ctx, at, id.Namespace, id.Name)
	if err != nil {
		return live.Observation{}, err
	}
	return live.Observation{
		ID: id, UID: obj.GetUID(), ResourceVersion: obj.GetResourceVersion(), Owner: a.opts.Marker.Owner(obj),
		Policy: mark.PolicyOf(obj), Deleting: obj.GetDeletionTimestamp() != nil,
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
