package phase

import (
	"context"
	"errors"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// source finds the artifact to apply. A source that is missing, or has nothing
// yet, leaves everything that was applied as it is.
func (p *Phases) source(ctx context.Context, s *Scope) reconciler.Outcome {
	name := request.Source(s.Object)
	src, err := p.Source(ctx, s.Object)
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
	if awaited != nil && p.Switches.NoCancel {
		s.Behind = awaited.Digest != s.Artifact.Digest
		s.Artifact = awaited
	}
	if awaited == nil || awaited.Digest != s.Artifact.Digest { // what is applied and not yet well is not due again
		s.Due = s.Due || s.Artifact.Revision != s.Object.Status.LastAppliedRevision
	}
	return reconciler.Continue()
}

// dependencies lets the unit proceed only when those it depends on are ready.
func (p *Phases) dependencies(ctx context.Context, s *Scope) reconciler.Outcome {
	return reconciler.Fail(p.Dependencies.Check(ctx, s.Object, s.Artifact, s.Ready))
}
