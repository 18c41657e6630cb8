package phase

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/prune"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/inventory"
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
	if len(s.Plan.Deletion.Stale) == 0 {
		return reconciler.Continue()
	}
	moved := p.claimedElsewhere(ctx, s)
	maps.DeleteFunc(moved, func(id inventory.ID, _ bool) bool { return s.taken(id) })
	deletion := s.Plan.Deletion.Without(moved)
	deletion.Overrides = map[inventory.ID]plan.Override{}
	for _, e := range deletion.Stale {
		if seen, ok := s.Cluster.Live.Lookup(e.ID); ok {
			deletion.Overrides[e.ID] = prune.OverrideOf(seen.Policy)
		}
	}
	doomed, err := prune.Read(ctx, s.Cluster, s.Unit, deletion.Judge().Delete)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonPruneFailed, err))
	}
	maps.Copy(deletion.Overrides, doomed.Overrides(s.Cluster.Live.Owner())) // which also knows what no watch sees
	s.Pruning = deletion.Judge()
	// What is being deleted stays in the inventory until it is gone; the watch
	// wakes the unit then.
	_, err = p.remove(ctx, s, doomed, s.Pruning.Delete)
	s.Cluster.Live.Expect(s.Unit, s.Inventory)
	if err == nil && s.Pruning.Held != nil {
		err = heldError(s.Pruning.Held)
	}
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonPruneFailed, err))
	}
	return reconciler.Continue()
}

// remove deletes objects after they were kept in a snapshot, and returns how many
// are still there because something holds them.
func (p *Phases) remove(ctx context.Context, s *Scope, doomed prune.Doomed, entries []inventory.Entry) (left int, err error) {
	kept, err := prune.Keep(ctx, p.Snapshots, s.Object, s.Object.Status.LastAppliedRevision, doomed, entries)
	if err != nil && !s.overdue(p.Clock.Now()) {
		return 0, err
	}
	out, err := prune.Delete(ctx, s.Cluster, s.Unit, entries)
	for _, id := range out.Gone {
		s.Inventory = s.Inventory.Without(id)
	}
	if len(out.Lines) > 0 {
		s.Changed = true
		lines := out.Lines
		if kept != "" {
			lines = append(lines, kept)
		}
		s.Tell(reconciler.Note{Reason: meta.ReasonProgressing, Message: strings.Join(lines, "\n")})
	}
	return out.Left, err
}

// heldError says which deletions wait for consent, and how to give it.
func heldError(held *plan.Hold) error {
	named := held.Subjects
	more := ""
	if len(named) > maxNamed {
		named, more = named[:maxNamed], fmt.Sprintf(" and %d more", len(held.Subjects)-maxNamed)
	}
	return fault.WithHint(
		fmt.Errorf("deleting %s%s: held, because %s", strings.Join(named, ", "), more, held.Reason),
		"to consent, annotate the Kustomization with %s=%s", meta.AnnotationConfirmDeletion, held.Digest)
}
