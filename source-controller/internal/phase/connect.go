package phase

import (
	"context"

	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Connect reads the credentials of the source.
type Connect struct{}

// Run gets the source from the kind.
func (Connect) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	up, err := s.Connect(ctx)
	s.Upstream = up
	return reconciler.Fail(err)
}
