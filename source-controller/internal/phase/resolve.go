package phase

import (
	"context"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Resolve asks the source which revision it offers.
type Resolve struct {
	// URL returns where an artifact is served now.
	URL func(*meta.Artifact) string
}

// Run ends the pass if what is offered is stored, and was made with the present
// settings.
func (r Resolve) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	ctx, cancel := s.exchange(ctx)
	defer cancel()
	candidate, err := s.Upstream.Resolve(ctx)
	if err != nil {
		return s.failed(err)
	}
	s.Candidate = candidate
	if !s.Current.HasRevision(candidate.Revision) || s.SettingsChanged || s.Forced {
		s.Outdated = s.Current != nil
		return reconciler.Continue()
	}
	s.Artifact = s.Current.DeepCopy()
	s.Artifact.URL = r.URL(s.Artifact)
	return s.done()
}

// Progress says nothing at an interval: a slow server must not make Ready flip
// when nothing changed.
func (Resolve) Progress(s *Scope) string {
	if s.Current != nil && !s.Requested && !s.SettingsChanged {
		return ""
	}
	return "checking for a new revision"
}
