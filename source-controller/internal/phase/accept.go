package phase

import (
	"context"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Accept refuses what this version does not act on, rather than ignore it.
type Accept struct{}

// Run looks for a field that is not acted on.
func (Accept) Run(_ context.Context, s *Scope) reconciler.Outcome {
	if s.Unsupported == "" {
		return reconciler.Continue()
	}
	return reconciler.Fail(fault.Stalled(meta.ReasonFieldNotSupported,
		fmt.Errorf("reading %s: this version does not act on it", s.Unsupported),
		fault.Hint("remove the field")))
}
