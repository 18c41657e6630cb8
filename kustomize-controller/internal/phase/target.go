package phase

import (
	"context"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// references finds out which versions of the ConfigMaps and Secrets there are
// that the unit works with.
func (p *Phases) references(ctx context.Context, s *Scope) reconciler.Outcome {
	refs := p.Inputs.Installation.References(s.Object)
	if len(refs) == 0 {
		p.References.Forget(s.Unit)
		return reconciler.Continue()
	}
	digest, ready, err := p.References.Observe(ctx, s.Unit, refs)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonReconciliationFailed, err))
	}
	if !ready {
		return reconciler.Park(parkNet)
	}
	s.References = digest
	return reconciler.Continue()
}

// cluster finds the cluster that the unit is applied to.
func (p *Phases) cluster(ctx context.Context, s *Scope) reconciler.Outcome {
	var err error
	if s.Cluster, err = p.Place(ctx, s.Object); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonReconciliationFailed, fmt.Errorf("reaching the cluster: %w", err)))
	}
	return reconciler.Continue()
}
