package phase

import (
	"context"
	"errors"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
)

// prepare refuses what this version does not act on, and makes sure that the
// stored artifact is what the status says. A damaged one is forgotten, so that
// the coming phases make it again.
func (p *Phases) prepare(_ context.Context, s *Scope) reconciler.Outcome {
	if s.Unsupported != "" {
		return reconciler.Fail(fault.Stalled(meta.ReasonFieldNotSupported,
			fmt.Errorf("reading %s: this version does not act on it", s.Unsupported),
			fault.Hint("remove the field")))
	}
	if s.Current == nil {
		return reconciler.Continue()
	}
	err := p.Storage.Check(s.Current)
	if errors.Is(err, storage.ErrDamaged) {
		s.Report(reconciler.Note{
			Severity: reconciler.Error, Reason: meta.ReasonArtifactVerificationFailed,
			Message: fmt.Sprintf("verifying stored artifact of revision '%s': it is missing or damaged and is made again", s.Current.Revision),
		})
		s.Current = nil
		return reconciler.Continue()
	}
	return reconciler.Fail(fault.Retry(meta.ReasonStatOperationFailed, err))
}
