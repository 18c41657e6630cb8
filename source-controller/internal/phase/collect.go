package phase

import (
	"context"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Collect removes artifacts that nobody needs any more.
type Collect struct {
	// Collect removes artifacts beside the current one and the one that the status
	// names until now, and returns their names.
	Collect func(current, previous *meta.Artifact) ([]string, error)
}

// Run ends the pass. What cannot be removed is tried again at the next pass; the
// new artifact is no worse for it.
func (c Collect) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	removed, err := c.Collect(s.Artifact, s.Current)
	if err != nil {
		s.Report(reconciler.Note{Severity: reconciler.Error, Reason: meta.ReasonGarbageCollectionFailed, Message: err.Error()})
	}
	if len(removed) > 0 {
		logf.FromContext(ctx).V(1).Info("removed old artifacts", "files", removed)
	}
	return s.done()
}
