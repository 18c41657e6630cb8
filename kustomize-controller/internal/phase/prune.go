package phase

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/manifest"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// maxNamed is how many objects a message names.
const maxNamed = 10

// prune deletes what is no longer desired. An entry leaves the inventory only
// when its object is known to be gone, or was released.
func (p *Phases) prune(ctx context.Context, s *Scope) reconciler.Outcome {
	if s.Resumed {
		return reconciler.Continue()
	}
	for _, e := range s.Plan.Released {
		s.Inventory = s.Inventory.Without(e.ID)
	}
	if held := s.Plan.Held; held != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonPruneFailed, heldError(held)))
	}
	stale := s.Plan.Stale
	if len(stale) > 0 {
		claimed := p.claimedElsewhere(ctx, s)
		stale = slices.DeleteFunc(slices.Clone(stale), func(e inventory.Entry) bool {
			return claimed[e.ID] && !p.taken(s, e.ID)
		})
	}
	// What is being deleted stays in the inventory until it is gone; the watch
	// wakes the unit then.
	_, err := p.remove(ctx, s, stale)
	p.Live.Expect(s.Unit, s.Inventory)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonPruneFailed, err))
	}
	return reconciler.Continue()
}

// remove deletes objects in the reverse of the order in which they are applied,
// and returns how many are still there because something holds them.
func (p *Phases) remove(ctx context.Context, s *Scope, stale []inventory.Entry) (left int, err error) {
	var lines []string
	for _, e := range reversed(stale) {
		result, deleteErr := p.Applier.Delete(ctx, s.Unit, apply.Target{ID: e.ID, Version: e.Version})
		switch {
		case deleteErr != nil:
			err = errors.Join(err, deleteErr)
		case result == apply.Terminating:
			left++
		case result == apply.Deleted:
			lines = append(lines, e.Subject()+" deleted")
			s.Inventory = s.Inventory.Without(e.ID)
		case result == apply.Released:
			lines = append(lines, e.Subject()+" skipped")
			s.Inventory = s.Inventory.Without(e.ID)
		}
	}
	if len(lines) > 0 {
		s.Changed = true
		s.Tell(reconciler.Note{Reason: meta.ReasonProgressing, Message: strings.Join(lines, "\n")})
	}
	return left, err
}

func reversed(entries []inventory.Entry) []inventory.Entry {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b inventory.Entry) int {
		return cmp.Or(
			cmp.Compare(manifest.Rank(b.GroupKind()), manifest.Rank(a.GroupKind())),
			strings.Compare(b.ID.String(), a.ID.String()),
		)
	})
	return sorted
}

// taken reports that another unit has taken the object over already, so that it
// can be released.
func (p *Phases) taken(s *Scope, id inventory.ID) bool {
	seen, ok := p.Live.Lookup(id)
	return ok && seen.Owner != s.Unit
}

// claimedElsewhere finds stale objects that another unit made from the same
// source wants at the same revision: they moved, and deleting them would destroy
// what the other unit is about to take over. A unit that cannot be built may
// want anything.
func (p *Phases) claimedElsewhere(ctx context.Context, s *Scope) map[inventory.ID]bool {
	claimed := map[inventory.ID]bool{}
	siblings, err := p.Siblings(ctx, s.Object)
	if err != nil {
		logf.FromContext(ctx).Error(err, "looking for other owners, keeping what is stale")
		return all(s.Plan.Stale)
	}
	for _, sibling := range siblings {
		if sibling.Spec.Suspend || !sibling.DeletionTimestamp.IsZero() {
			continue
		}
		wanted, ok := p.wanted(ctx, s.Artifact, sibling)
		if !ok {
			return all(s.Plan.Stale)
		}
		for _, id := range wanted {
			claimed[id] = true
		}
	}
	return claimed
}

// wanted returns what a unit builds from an artifact, from memory where it can.
func (p *Phases) wanted(ctx context.Context, a *meta.Artifact, unit *kustomizev1.Kustomization) ([]inventory.ID, bool) {
	last := p.Memory.Attempt(keyOf(unit))
	other := &Scope{Object: unit, Artifact: a}
	shape, err := p.shape(other)
	if err == nil && last.Shape == shape && (last.Artifact == a.Digest || p.unchanged(ctx, other, last)) {
		return last.Desired, true
	}
	built, err := p.objects(ctx, unit, a)
	if err != nil {
		return nil, false
	}
	ids := make([]inventory.ID, 0, len(built.Objects))
	for _, obj := range built.Objects {
		ids = append(ids, inventory.IDOf(obj))
	}
	return ids, true
}

func all(entries []inventory.Entry) map[inventory.ID]bool {
	ids := make(map[inventory.ID]bool, len(entries))
	for _, e := range entries {
		ids[e.ID] = true
	}
	return ids
}

// heldError says which deletions wait for consent, and how to give it.
func heldError(held *plan.Hold) error {
	named := held.Subjects
	more := ""
	if len(named) > maxNamed {
		named, more = named[:maxNamed], fmt.Sprintf(" and %d more", len(held.Subjects)-maxNamed)
	}
	return fault.WithHint(
		fmt.Errorf("deleting %s%s: held, because the build has no objects any more", strings.Join(named, ", "), more),
		"to consent, annotate the Kustomization with %s=%s", meta.AnnotationConfirmDeletion, held.Digest)
}
