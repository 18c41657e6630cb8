package deletion

import (
	"context"
	"errors"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/parallel"
)

// readers is how many objects are read at once.
const readers = 16

// Candidates are the objects that are about to be deleted, as they are now.
type Candidates map[inventory.ID]*unstructured.Unstructured

// Read reads objects that a unit owns. What is not there, or is somebody else's,
// is left out.
func Read(ctx context.Context, h *cluster.Handle, unit types.NamespacedName, entries []inventory.Entry) (Candidates, error) {
	var mu sync.Mutex
	found := Candidates{}
	errs := parallel.Map(readers, entries, func(e inventory.Entry) error {
		obj, err := h.Read(ctx, e.ID, e.Version)
		if cluster.Undefined(err) || err == nil && (obj == nil || h.Live.Owner().UnitOf(obj) != unit) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s before it is deleted: %w", e.Subject(), err)
		}
		mu.Lock()
		defer mu.Unlock()
		found[e.ID] = obj
		return nil
	})
	return found, errors.Join(errs...)
}

// Overrides is what the objects say about their own deletion.
func (c Candidates) Overrides(owner *ownership.Owner) map[inventory.ID]Override {
	overrides := make(map[inventory.ID]Override, len(c))
	for id, obj := range c {
		overrides[id] = OverrideOf(owner.Policy(obj))
	}
	return overrides
}

// OverrideOf is what the policies of a live object mean for its deletion.
func OverrideOf(policy ownership.Policy) Override {
	switch {
	case policy.Kept():
		return Kept
	case policy.Deletion == ownership.PolicyProtected:
		return Protected
	case policy.Deletion == ownership.PolicyAllowed:
		return Allowed
	}
	return NoOverride
}

// of returns the objects of entries, in the order of their names.
func (c Candidates) of(entries []inventory.Entry) []*unstructured.Unstructured {
	var objects []*unstructured.Unstructured
	for _, e := range entries {
		if obj, ok := c[e.ID]; ok {
			objects = append(objects, obj)
		}
	}
	return objects
}

// Keep writes the objects of entries into a snapshot, unless the unit declines
// that, and returns what an event is to say about it.
func (c Candidates) Keep(ctx context.Context, store *snapshot.Store, unit metav1.Object, revision string, entries []inventory.Entry) (string, error) {
	objects := c.of(entries)
	if len(objects) == 0 || snapshot.Declined(unit) {
		return "", nil
	}
	receipt, err := store.Put(ctx, nameOf(unit), unit.GetUID(), revision, objects)
	if err != nil {
		return "", err
	}
	return receipt.String(), nil
}

// Result is what became of a deletion.
type Result struct {
	// Gone are the objects that are not there, or not the unit's, any more.
	Gone []inventory.ID
	// Left is how many are being deleted and held by something.
	Left int
	// Lines say what was done, a line an object.
	Lines []string
}

// Remover removes objects of one unit from one cluster.
type Remover struct {
	Cluster   *cluster.Handle
	Snapshots *snapshot.Store
	Unit      metav1.Object
	// Revision is the one at which the objects were applied.
	Revision string
	// Overdue deletes also what could not be kept.
	Overdue bool
}

// Remove keeps the objects of entries in a snapshot and deletes them. A snapshot that
// cannot be written holds the deletion.
func (r Remover) Remove(ctx context.Context, candidates Candidates, entries []inventory.Entry) (Result, error) {
	kept, err := candidates.Keep(ctx, r.Snapshots, r.Unit, r.Revision, entries)
	if err != nil && !r.Overdue {
		return Result{}, err
	}
	result, err := Delete(ctx, r.Cluster, nameOf(r.Unit), entries)
	if len(result.Lines) > 0 && kept != "" {
		result.Lines = append(result.Lines, kept)
	}
	return result, err
}

func nameOf(unit metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: unit.GetNamespace(), Name: unit.GetName()}
}

// Delete deletes objects in the reverse of the order in which they were applied.
func Delete(ctx context.Context, h *cluster.Handle, unit types.NamespacedName, entries []inventory.Entry) (Result, error) {
	targets := make([]apply.Deletion, 0, len(entries))
	byID := make(map[inventory.ID]inventory.Entry, len(entries))
	for _, e := range entries {
		targets = append(targets, apply.Deletion{ID: e.ID, Version: e.Version})
		byID[e.ID] = e
	}
	var out Result
	var errs error
	for _, o := range h.Applier.Delete(ctx, unit, targets) {
		errs = errors.Join(errs, o.Err)
		out.add(byID[o.ID], o.Result)
	}
	return out, errs
}

func (r *Result) add(e inventory.Entry, outcome apply.DeleteResult) {
	switch outcome {
	case apply.Terminating:
		r.Left++
	case apply.Accepted: // reported now: it may be gone only after other passes, or never
		r.Lines = append(r.Lines, e.Subject()+" deleted")
		r.Left++
	case apply.Deleted:
		r.Lines = append(r.Lines, e.Subject()+" deleted")
		r.Gone = append(r.Gone, e.ID)
	case apply.Absent:
		r.Gone = append(r.Gone, e.ID)
	case apply.Released:
		r.Lines = append(r.Lines, e.Subject()+" skipped")
		r.Gone = append(r.Gone, e.ID)
	}
}
