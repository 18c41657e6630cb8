package phase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

const (
	// firstDownloadPause is the pause after a download that failed; it doubles with
	// each further one, up to maxDownloadPause.
	firstDownloadPause = time.Second
	maxDownloadPause   = 30 * time.Second
	// maxAbsent is how often an artifact that is not there is looked for again at
	// once: source-controller may be starting.
	maxAbsent = 3
)

// Build turns the artifact into objects, normalised and in the order in which
// they are applied.
type Build struct {
	Builder *build.Builder
	// Sources knows the sources whose indexes are not believed.
	Sources *unitstate.Sources
	// Downloads is how often a download is tried again before it is a failure.
	Downloads int
}

// Run sets the objects.
func (p Build) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	known := ""
	if s.Last.Inputs == s.Attempt.Inputs && !s.Due && !s.Forced {
		known = s.Last.Objects
	}
	built, err := p.Builder.Build(ctx, s.Object, s.Artifact, known)
	if err != nil {
		return p.failed(s, err)
	}
	s.State.Downloads = 0
	p.reportMismatch(s)
	s.Built = built
	s.Attempt.Objects, s.Attempt.Desired = built.Digest(), built.IDs()
	s.Attempt.Recording, s.Attempt.Transient = built.Recording, built.Transient
	return reconciler.Continue()
}

// failed ends a pass that has no objects. An artifact that could not be fetched is
// tried for again some times before it is a failure: source-controller may be about
// to come back.
func (p Build) failed(s *Scope, err error) reconciler.Outcome {
	attempts := p.Downloads
	if fault.Of(err).Class == fault.ClassWait {
		attempts = min(attempts, maxAbsent)
	}
	var fetch *build.FetchError
	if !errors.As(err, &fetch) || !fetch.Passing() || s.State.Downloads >= attempts {
		s.State.Downloads = 0
		return reconciler.Fail(err).During(step(err))
	}
	pause := min(firstDownloadPause<<s.State.Downloads, maxDownloadPause)
	s.State.Downloads++
	return reconciler.Park(pause)
}

// step names the part of a build that failed.
func step(err error) meta.Action {
	var (
		fetch   *build.FetchError
		decrypt *build.DecryptError
	)
	switch {
	case errors.As(err, &fetch):
		return meta.ActionResolveSource
	case errors.As(err, &decrypt):
		return meta.ActionDecrypt
	default:
		return meta.ActionReconcile
	}
}

// reportMismatch reports, once for each source, that its indexes are not believed any
// more: the one of this artifact is not that of its content. The content itself
// matches its digest, so the unit goes on.
func (p Build) reportMismatch(s *Scope) {
	source := request.Source(s.Object)
	if !p.Sources.Unreported(source) {
		return
	}
	s.Report(reconciler.Note{
		Severity: reconciler.Error, Reason: meta.ReasonIndexMismatch,
		Message: fmt.Sprintf("checking the index of revision %s of %s: it does not describe the content; its indexes are not used any more", s.Artifact.Revision, source),
	})
}
