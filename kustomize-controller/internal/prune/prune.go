// Package prune deletes what a Kustomization applied and does not want any more:
// it reads what is about to go, keeps it in a snapshot, and deletes it in the
// reverse of the order in which it was applied.
package prune

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/cluster"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/snapshot"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/parallel"
)

// readers is how many objects are read at once.
const readers = 16

// Doomed are the objects that are about to be deleted, as they are now.
type Doomed map[inventory.ID]*unstructured.Unstructured

// Read reads objects that a unit owns. What is not there, or is somebody else's,
// is left out.
func Read(ctx context.Context, h *cluster.Handle, unit types.NamespacedName, entries []inventory.Entry) (Doomed, error) {
	var mu sync.Mutex
	found := Doomed{}
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
func (d Doomed) Overrides(owner *ownership.Owner) map[inventory.ID]plan.Override {
	overrides := make(map[inventory.ID]plan.Override, len(d))
	for id, obj := range d {
		overrides[id] = OverrideOf(owner.Policy(obj))
	}
	return overrides
}

// OverrideOf is what the policies of a live object mean for its deletion.
func OverrideOf(policy ownership.Policy) plan.Override {
	switch {
	case policy.Kept():
		return plan.Kept
	case policy.Deletion == ownership.PolicyProtected:
		return plan.Protected
	case policy.Deletion == ownership.PolicyAllowed:
		return plan.Allowed
	}
	return plan.NoOverride
}

// of returns the objects of entries, in the order of their names.
func (d Doomed) of(entries []inventory.Entry) []*unstructured.Unstructured {
	var objects []*unstructured.Unstructured
	for _, e := range entries {
		if obj, ok := d[e.ID]; ok {
			objects = append(objects, obj)
		}
	}
	return objects
}

// Keep writes the objects of entries into a snapshot, unless the unit declines
// that, and returns what to tell about it.
func Keep(ctx context.Context, store *snapshot.Store, unit *kustomizev1.Kustomization, revision string, d Doomed, entries []inventory.Entry) (string, error) {
	objects := d.of(entries)
	if len(objects) == 0 || snapshot.Declined(unit) {
		return "", nil
	}
	receipt, err := store.Put(ctx, request.Key(unit), unit.UID, revision, objects)
	if err != nil {
		return "", err
	}
	return receipt.String(), nil
}

// Outcome is what became of a deletion.
type Outcome struct {
	// Gone are the objects that are not there, or not the unit's, any more.
	Gone []inventory.ID
	// Left is how many are being deleted and held by something.
	Left int
	// Lines say what was done, a line an object.
	Lines []string
}

// Delete deletes objects in the reverse of the order in which they were applied.
func Delete(ctx context.Context, h *cluster.Handle, unit types.NamespacedName, entries []inventory.Entry) (Outcome, error) {
	targets := make([]apply.Deletion, 0, len(entries))
	byID := make(map[inventory.ID]inventory.Entry, len(entries))
	for _, e := range entries {
		targets = append(targets, apply.Deletion{ID: e.ID, Version: e.Version})
		byID[e.ID] = e
	}
	var out Outcome
	var errs error
	for _, o := range h.Applier.Delete(ctx, unit, targets) {
		errs = errors.Join(errs, o.Err)
		out.enter(byID[o.ID], o.Result)
	}
	return out, errs
}

func (o *Outcome) enter(e inventory.Entry, result apply.DeleteResult) {
	switch result {
	case apply.Terminating:
		o.Left++
	case apply.Deleted:
		o.Lines = append(o.Lines, e.Subject()+" deleted")
		o.Gone = append(o.Gone, e.ID)
	case apply.Released:
		o.Lines = append(o.Lines, e.Subject()+" skipped")
		o.Gone = append(o.Gone, e.ID)
	}
}
