package phase

import (
	"context"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/dependency"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Dependencies lets the unit proceed only when those it depends on are ready.
type Dependencies struct {
	// Check returns a fault that waits while a unit may not proceed with an artifact.
	Check func(ctx context.Context, unit *dependency.Unit, a *meta.Artifact, ready []*depends.ReadyExpr) error
}

// Run checks the dependencies.
func (p Dependencies) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	return reconciler.Fail(p.Check(ctx, request.Dependency(s.Object), s.Artifact, s.Ready))
}
