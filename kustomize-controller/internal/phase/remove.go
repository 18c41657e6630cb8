package phase

import (
	"context"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Remove deletes objects, for a Kustomization that does not want them any more and
// for one that is deleted itself.
type Remove struct {
	// Snapshots keeps what was deleted.
	Snapshots *snapshot.Store
	Clock     clock.PassiveClock
}

// Run deletes objects after they were kept in a snapshot, and returns how many are
// still there because something holds them.
func (r Remove) Run(ctx context.Context, s *Scope, candidates deletion.Candidates, entries []inventory.Entry) (left int, err error) {
	kept, err := candidates.Keep(ctx, r.Snapshots, s.Object, s.Object.Status.LastAppliedRevision, entries)
	if err != nil && !s.overdue(r.Clock.Now()) {
		return 0, err
	}
	result, err := deletion.Delete(ctx, s.Cluster, s.Unit, entries)
	for _, id := range result.Gone {
		s.Inventory = s.Inventory.Without(id)
	}
	if len(result.Lines) > 0 {
		s.Changed = true
		lines := result.Lines
		if kept != "" {
			lines = append(lines, kept)
		}
		s.Report(reconciler.Note{Reason: meta.ReasonProgressing, Message: strings.Join(lines, "\n")})
	}
	return result.Left, err
}

// overdue reports that the unit has been deleted for longer than its timeout.
func (s *Scope) overdue(now time.Time) bool {
	deleted := s.Object.DeletionTimestamp
	return !deleted.IsZero() && now.Sub(deleted.Time) >= s.Timeout
}
