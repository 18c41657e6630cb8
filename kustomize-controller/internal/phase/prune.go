package phase

import (
	"context"
	"fmt"
	"maps"
	"strings"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// maxNamed is how many objects a message names.
const maxNamed = 10

// Prune deletes what is no longer desired. An entry leaves the inventory only when
// its object is known to be gone, or was released.
type Prune struct {
	// Claimed returns the objects that other units of the same source want of those
	// that are stale.
	Claimed func(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact, stale []inventory.Entry) map[inventory.ID]bool
	// Needed returns what stale objects are still needed for.
	Needed func(ctx context.Context, unit *kustomizev1.Kustomization, h *cluster.Handle, built []inventory.ID, stale []inventory.Entry) (map[inventory.ID]string, error)
	// Budget bounds what a pass deletes without consent.
	Budget deletion.Budget
	// Snapshots keeps what was deleted.
	Snapshots *snapshot.Store
}

// Run deletes what the plan calls stale, unless that is held.
func (p Prune) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	for _, e := range s.Plan.Released {
		s.Inventory = s.Inventory.Without(e.ID)
	}
	if len(s.Plan.Stale) == 0 {
		return reconciler.Continue()
	}
	moved := p.Claimed(ctx, s.Object, s.Artifact, s.Plan.Stale)
	maps.DeleteFunc(moved, func(id inventory.ID, _ bool) bool { return s.taken(id) })
	request := p.request(s).Without(moved)
	var err error
	if request.Needed, err = p.Needed(ctx, s.Object, s.Cluster, s.Built.IDs(), request.Stale); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonPruneFailed, err))
	}
	for _, e := range request.Stale {
		if seen, ok := s.Cluster.Live.Lookup(e.ID); ok {
			request.Overrides[e.ID] = deletion.OverrideOf(seen.Policy)
		}
	}
	candidates, err := deletion.Read(ctx, s.Cluster, s.Unit, request.Decide().Delete)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonPruneFailed, err))
	}
	maps.Copy(request.Overrides, candidates.Overrides(s.Cluster.Live.Owner())) // which also knows what no watch sees
	s.Deletion = request.Decide()
	// What is being deleted stays in the inventory until it is gone; the watch
	// wakes the unit then.
	_, err = s.remove(ctx, deletion.Remover{Snapshots: p.Snapshots}, candidates, s.Deletion.Delete)
	s.Cluster.Live.Expect(s.Unit, s.Inventory)
	if err == nil && s.Deletion.Held != nil {
		err = heldError(s.Deletion.Held)
	}
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonPruneFailed, err))
	}
	return reconciler.Continue()
}

// remove deletes objects after they were kept in a snapshot, and returns how many are
// still there because something holds them.
func (s *Scope) remove(ctx context.Context, by deletion.Remover, candidates deletion.Candidates, entries []inventory.Entry) (left int, err error) {
	by.Cluster, by.Unit, by.Revision = s.Cluster, s.Object, s.Object.Status.LastAppliedRevision
	result, err := by.Remove(ctx, candidates, entries)
	for _, id := range result.Gone {
		s.Inventory = s.Inventory.Without(id)
	}
	if len(result.Lines) > 0 {
		s.Changed = true
		s.Report(reconciler.Note{Reason: meta.ReasonProgressing, Message: strings.Join(result.Lines, "\n")})
	}
	return result.Left, err
}

// request is the deletion of everything that is stale.
func (p Prune) request(s *Scope) deletion.Request {
	return deletion.Request{
		Unit: string(s.Object.UID), Stale: s.Plan.Stale, Inventory: s.Old.Len(), Emptied: len(s.Built.Objects) == 0,
		Live: known(s), Overrides: map[inventory.ID]deletion.Override{}, Budget: p.Budget,
		Consent: s.Object.GetAnnotations()[meta.AnnotationConfirmDeletion], Confirmed: confirmed(s.Object),
	}
}

// confirmed is the consent to a deletion that was used last.
func confirmed(unit *kustomizev1.Kustomization) deletion.Confirmed {
	if c := unit.Status.ConfirmedDeletion; c != nil {
		return deletion.Confirmed{Digest: c.Digest, Remaining: c.Remaining}
	}
	return deletion.Confirmed{}
}

// taken reports that another unit has taken the object over already, so that it
// can be released.
func (s *Scope) taken(id inventory.ID) bool {
	seen, ok := s.Cluster.Live.Lookup(id)
	return ok && seen.Owner != s.Unit
}

// heldError says which deletions wait for consent, and how to give it.
func heldError(held *deletion.Hold) error {
	named := held.Subjects
	more := ""
	if len(named) > maxNamed {
		named, more = named[:maxNamed], fmt.Sprintf(" and %d more", len(held.Subjects)-maxNamed)
	}
	return fault.WithHint(
		fmt.Errorf("deleting %s%s: held, because %s", strings.Join(named, ", "), more, held.Reason),
		"to consent, annotate the Kustomization with %s=%s", meta.AnnotationConfirmDeletion, held.Digest)
}
