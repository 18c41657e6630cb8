package phase

import (
	"context"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/placement"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Place returns a cluster under an identity.
type Place func(context.Context, placement.Request) (*cluster.Handle, error)

// Cluster finds the cluster that the unit is applied to.
type Cluster struct {
	Place Place
}

// Run sets the cluster.
func (p Cluster) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	var err error
	if s.Cluster, err = p.Place(ctx, request.Placement(s.Object)); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonReconciliationFailed, fmt.Errorf("reaching the cluster: %w", err)))
	}
	return reconciler.Continue()
}
