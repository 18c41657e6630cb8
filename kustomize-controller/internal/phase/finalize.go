package phase

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/cluster"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/prune"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// finalize deletes what a deleted Kustomization applied, if its deletion policy
// says so. What cannot be reached any more, because the ServiceAccount or the
// configuration of the cluster is gone, is left and told.
func (p *Phases) finalize(ctx context.Context, s *Scope) reconciler.Outcome {
	if !request.Deletes(s.Object) || s.Old.Len() == 0 {
		return reconciler.Continue()
	}
	var err error
	s.Cluster, err = p.Place(ctx, s.Object)
	if errors.Is(err, cluster.ErrNoConfiguration) {
		return p.abandon(s, err)
	}
	if err != nil {
		return reconciler.Fail(blocked(fmt.Errorf("reaching the cluster: %w", err)))
	}
	exists, err := s.Cluster.IdentityExists(ctx)
	if err != nil {
		return reconciler.Fail(blocked(fmt.Errorf("looking for the ServiceAccount %s: %w", s.Cluster.Identity, err)))
	}
	if !exists {
		return p.abandon(s, fmt.Errorf("the ServiceAccount %s does not exist any more", s.Cluster.Identity))
	}
	doomed, err := prune.Read(ctx, s.Cluster, s.Unit, s.Old.Entries())
	if err != nil {
		return reconciler.Fail(blocked(err))
	}
	left, err := p.remove(ctx, s, doomed, s.Old.Entries())
	if err != nil {
		return reconciler.Fail(blocked(err))
	}
	if left > 0 && s.Object.GetDeletionPolicy() == kustomizev1.DeletionPolicyWaitForTermination &&
		!s.overdue(p.Clock.Now()) {
		return reconciler.InProgress(fmt.Sprintf("Waiting for %d objects to be gone", left), p.Clock.Now().Add(pollPause))
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
func (p *Phases) abandon(s *Scope, why error) reconciler.Outcome {
	var left []string
	for _, e := range s.Old.Entries() {
		left = append(left, e.Subject())
	}
	s.Tell(reconciler.Note{
		Severity: reconciler.Error, Reason: meta.ReasonPruneFailed,
		Message: fmt.Sprintf("deleting what was applied: %v; left in the cluster:\n%s", why, strings.Join(left, "\n")),
	})
	return reconciler.Continue()
}
