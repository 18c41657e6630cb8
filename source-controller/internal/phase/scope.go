package phase

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
)

// Scope is what one pass over a source knows.
type Scope struct {
	reconciler.Pass

	// Set by the controller before the first phase.

	// Ref names the artifacts of the object.
	Ref storage.Ref
	// Current is the artifact in the status; nil before the first one and after
	// it was found damaged.
	Current *meta.Artifact
	// Timeout bounds each exchange with the source.
	Timeout time.Duration
	// Ignore is spec.ignore.
	Ignore string
	// SettingsChanged says that a setting which decides what is in the artifact is
	// not the one the current artifact was made with.
	SettingsChanged bool
	// Unsupported names a field that is set and that this version does not act
	// on; empty when there is none.
	Unsupported string
	// Connect reads the credentials and returns the source.
	Connect func(ctx context.Context) (upstream.Upstream, error)

	// Upstream is the source; set by connect.
	Upstream upstream.Upstream
	// Candidate is what the source offers; set by resolve.
	Candidate upstream.Candidate
	// Outdated says that Candidate is not what is stored; set by resolve.
	Outdated bool
	// Content is that of Candidate; set by fetch, closed by publish.
	Content *upstream.Content
	// Artifact is what the status is to show; set by resolve when nothing changed,
	// and by publish.
	Artifact *meta.Artifact
}

// done ends a pass that has an artifact to show.
func (s *Scope) done() reconciler.Outcome {
	return reconciler.Done(s.Candidate.Ready.Reason, s.Candidate.Ready.Text)
}
