package phase

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/utils/clock"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Finalize deletes what a deleted Kustomization applied, if its deletion policy
// says so. What cannot be reached any more, because the ServiceAccount or the
// configuration of the cluster is gone, is left and reported.
type Finalize struct {
	Place     Place
	Snapshots *snapshot.Store
	Clock     clock.PassiveClock
}

// Run deletes everything in the inventory.
func (p Finalize) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	if !request.Deletes(s.Object) || s.Old.Len() == 0 {
		return reconciler.Continue()
	}
	var err error
	s.Cluster, err = p.Place(ctx, request.Placement(s.Object))
	if errors.Is(err, cluster.ErrNoConfiguration) {
		return abandon(s, err)
	}
	if err != nil {
		return reconciler.Fail(blocked(fmt.Errorf("reaching the cluster: %w", err)))
	}
	exists, err := s.Cluster.IdentityExists(ctx)
	if err != nil {
		return reconciler.Fail(blocked(fmt.Errorf("looking for the ServiceAccount %s: %w", s.Cluster.Identity, err)))
	}
	if !exists {
		return abandon(s, fmt.Errorf("the ServiceAccount %s does not exist any more", s.Cluster.Identity))
	}
	candidates, err := deletion.Read(ctx, s.Cluster, s.Unit, s.Old.Entries())
	if err != nil {
		return reconciler.Fail(blocked(err))
	}
	remover := deletion.Remover{Snapshots: p.Snapshots, Overdue: s.overdue(p.Clock.Now())}
	left, err := s.remove(ctx, remover, candidates, s.Old.Entries())
	if err != nil {
		return reconciler.Fail(blocked(err))
	}
	now := p.Clock.Now()
	if left > 0 && s.Object.GetDeletionPolicy() == kustomizev1.DeletionPolicyWaitForTermination && !s.overdue(now) {
		return reconciler.InProgress(fmt.Sprintf("Waiting for %d objects to be gone", left), now.Add(pollPause)).During(meta.ActionWaitForTermination)
	}
	return reconciler.Continue()
}

// overdue reports that the unit has been deleted for longer than its timeout.
func (s *Scope) overdue(now time.Time) bool {
	deleted := s.Object.DeletionTimestamp
	return !deleted.IsZero() && now.Sub(deleted.Time) >= s.Timeout
}

// blocked is a deletion that goes on when the cause has gone.
func blocked(err error) error {
	return fault.Retry(meta.ReasonPruneFailed, err,
		fault.Hint("to let the Kustomization go and leave its objects, set spec.deletionPolicy to %s", kustomizev1.DeletionPolicyOrphan))
}

// abandon lets the unit go without what it applied.
func abandon(s *Scope, why error) reconciler.Outcome {
	var left []string
	for _, e := range s.Old.Entries() {
		left = append(left, e.Subject())
	}
	s.Report(reconciler.Note{
		Severity: reconciler.Error, Reason: meta.ReasonPruneFailed,
		Message: fmt.Sprintf("deleting what was applied: %v; left in the cluster:\n%s", why, strings.Join(left, "\n")),
	})
	return reconciler.Continue()
}
