package phase

import (
	"context"
	"fmt"

	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Fetch gets the content of the candidate.
type Fetch struct{}

// Run has the candidate fetch its content.
func (Fetch) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	ctx, cancel := s.exchange(ctx)
	defer cancel()
	content, err := s.Candidate.Fetch(ctx)
	s.Content = content
	return s.failed(err)
}

// Progress names the revision.
func (Fetch) Progress(s *Scope) string {
	return fmt.Sprintf("fetching revision '%s'", s.Candidate.Revision)
}
