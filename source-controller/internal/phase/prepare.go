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

// Prepare makes sure that the stored artifact is what the status says.
type Prepare struct {
	// Check verifies a stored artifact; storage.ErrDamaged says that it is not
	// what it was.
	Check func(*meta.Artifact) error
}

// Run drops a damaged artifact from the scope, so that the coming phases make it
// again.
func (p Prepare) Run(_ context.Context, s *Scope) reconciler.Outcome {
	if s.Current == nil {
		return reconciler.Continue()
	}
	err := p.Check(s.Current)
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
