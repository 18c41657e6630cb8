package phase

import (
	"context"
	"errors"
	"fmt"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Source finds the artifact to apply.
type Source struct {
	// Find returns the source of a Kustomization, or nil.
	Find func(ctx context.Context, unit *kustomizev1.Kustomization) (meta.Source, error)
	// NoCancel waits for the health of one revision before it goes on to the next.
	NoCancel bool
}

// Run sets the artifact. A source that is missing, or has nothing yet, leaves
// everything that was applied as it is.
func (p Source) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	name := request.Source(s.Object)
	src, err := p.Find(ctx, s.Object)
	if err != nil {
		return reconciler.Fail(fmt.Errorf("reading source %s: %w", name, err))
	}
	if src == nil {
		return reconciler.Fail(fault.Wait(meta.ReasonArtifactFailed,
			fmt.Errorf("finding source %s: it does not exist", name), fault.After(s.Retry)))
	}
	if s.Artifact = src.GetArtifact(); s.Artifact == nil {
		return reconciler.Fail(fault.Wait(meta.ReasonArtifactFailed,
			errors.New("source is not ready: "+name+" has no artifact yet")))
	}
	awaited := s.awaitedArtifact()
	if awaited != nil && p.NoCancel {
		s.Behind = awaited.Digest != s.Artifact.Digest
		s.Artifact = awaited
	}
	if awaited == nil || awaited.Digest != s.Artifact.Digest { // what is applied and not yet healthy is not due again
		s.Due = s.Due || s.Artifact.Revision != s.Object.Status.LastAppliedRevision
	}
	return reconciler.Continue()
}
