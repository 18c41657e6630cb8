package phase

import (
	"context"

	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// connect reads the credentials of the source.
func connect(ctx context.Context, s *Scope) reconciler.Outcome {
	up, err := s.Connect(ctx)
	s.Upstream = up
	return reconciler.Fail(err)
}

// resolve asks the source which revision it offers. If that is stored, and was
// made with the present settings, the pass is over.
func (p *Phases) resolve(ctx context.Context, s *Scope) reconciler.Outcome {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	revision, err := s.Upstream.Resolve(ctx)
	if err != nil {
		return reconciler.Fail(err)
	}
	s.Revision = revision
	if !s.Current.HasRevision(revision.Text) || s.SettingsChanged || s.Forced {
		s.Outdated = s.Current != nil
		return reconciler.Continue()
	}
	s.Artifact = s.Current.DeepCopy()
	s.Artifact.URL = p.Storage.URL(s.Artifact)
	return done(s)
}

// fetch gets the content of the revision.
func fetch(ctx context.Context, s *Scope) reconciler.Outcome {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	tree, err := s.Upstream.Fetch(ctx, s.Revision)
	s.Tree = tree
	return reconciler.Fail(err)
}
