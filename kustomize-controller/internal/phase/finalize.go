package phase

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// finalize deletes what a deleted Kustomization applied, if its deletion policy
// says so. A suspended one deletes nothing.
func (p *Phases) finalize(ctx context.Context, s *Scope) reconciler.Outcome {
	if p.deletes(s) {
		left, err := p.remove(ctx, s, s.Old.Entries())
		if err != nil {
			return reconciler.Fail(fault.Retry(meta.ReasonPruneFailed, err))
		}
		if left > 0 && s.Object.GetDeletionPolicy() == kustomizev1.DeletionPolicyWaitForTermination &&
			p.Clock.Since(s.Object.DeletionTimestamp.Time) < s.Timeout {
			return reconciler.InProgress(fmt.Sprintf("Waiting for %d objects to be gone", left), p.Clock.Now().Add(pollPause))
		}
	}
	return reconciler.Continue()
}

// Forget drops what is known of a unit that is gone.
func (p *Phases) Forget(unit types.NamespacedName) {
	p.Live.Forget(unit)
	p.Memory.Forget(unit)
}

func (p *Phases) deletes(s *Scope) bool {
	if s.Object.Spec.Suspend {
		return false
	}
	switch s.Object.GetDeletionPolicy() {
	case kustomizev1.DeletionPolicyDelete, kustomizev1.DeletionPolicyWaitForTermination:
		return true
	case kustomizev1.DeletionPolicyOrphan:
		return false
	default:
		return s.Object.Spec.Prune
	}
}
