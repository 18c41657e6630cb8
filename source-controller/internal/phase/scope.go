package phase

import (
	"context"
	"errors"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/artifact/leftout"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/hosts"
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
	// Respecified says that the spec is another than the one of the status: it may be right
	// now, and is tried at once.
	Respecified bool
	// FetchFailed says that the status has a failure to reach or read the source for
	// this spec already.
	FetchFailed bool
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
	// LeftOut is what of Content could not be packed; set by publish.
	LeftOut leftout.Paths
	// Artifact is what the status is to show; set by resolve when nothing changed,
	// and by publish.
	Artifact *meta.Artifact
}

// done ends a pass that has an artifact to show.
func (s *Scope) done() reconciler.Outcome {
	return reconciler.Done(s.Candidate.Ready.Reason, s.Candidate.Ready.Text)
}

// exchange bounds an exchange with the source, and says in whose name it is.
func (s *Scope) exchange(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(hosts.For(ctx, s.Ref.Namespace, s.Requested || s.Respecified), s.Timeout)
}

// longestPark is how long a source rests at most while its host is not asked: the back-off
// may end early.
const longestPark = time.Minute

// failed ends a pass whose exchange with the source failed. One that did not take place,
// because the host does not answer others, is no failure of its own: if the status has
// one, that stays until the host is asked again. What is well stays so, unless nobody can
// connect to the host: another request of the namespace may have failed by itself.
func (s *Scope) failed(err error) reconciler.Outcome {
	var paused *hosts.PausedError
	switch {
	case !errors.As(err, &paused):
		return reconciler.Fail(err)
	case (s.FetchFailed || s.Current != nil && !paused.Everybody) && len(s.Notes()) == 0:
		return reconciler.Park(min(paused.For, longestPark)) // asking again costs no request
	default:
		return reconciler.Fail(fault.Retry(fault.Of(err).Reason, paused))
	}
}
