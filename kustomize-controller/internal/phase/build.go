package phase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
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

// build turns the artifact into objects, normalised and in the order in which
// they are applied.
func (p *Phases) build(ctx context.Context, s *Scope) reconciler.Outcome {
	if s.Resumed {
		return reconciler.Continue()
	}
	known := ""
	if last := s.Memory.Attempt; last.Inputs == s.Attempt.Inputs && !s.Due && !s.Forced && !p.Switches.NoSkips {
		known = last.Objects
	}
	built, err := p.Builder.Build(ctx, s.Object, s.Artifact, known)
	if err != nil {
		return p.unbuilt(s, err)
	}
	s.Memory.Downloads = 0
	p.tellMismatch(s)
	s.Desired = built.Desired
	s.Attempt.Objects, s.Attempt.Desired = built.Digest(), built.IDs()
	s.Attempt.Recording, s.Attempt.Ending = built.Recording, built.Ending
	return reconciler.Continue()
}

// unbuilt ends a pass that has no objects. An artifact that could not be fetched
// is tried for again some times before it is a failure: source-controller may be
// about to come back.
func (p *Phases) unbuilt(s *Scope, err error) reconciler.Outcome {
	attempts := p.Downloads
	if fault.Of(err).Class == fault.ClassWait {
		attempts = min(attempts, maxAbsent)
	}
	var fetch *build.FetchError
	if !errors.As(err, &fetch) || !fetch.Passing() || s.Memory.Downloads >= attempts {
		s.Memory.Downloads = 0
		p.Memory.Put(s.Unit, s.Object.UID, s.Memory)
		return reconciler.Fail(err)
	}
	pause := min(firstDownloadPause<<s.Memory.Downloads, maxDownloadPause)
	s.Memory.Downloads++
	p.Memory.Put(s.Unit, s.Object.UID, s.Memory)
	return reconciler.Park(pause)
}

// tellMismatch tells, once for each source, that its indexes are not believed any
// more: the one of this artifact is not that of its content. The content itself
// matches its digest, so the unit goes on.
func (p *Phases) tellMismatch(s *Scope) {
	source := request.Source(s.Object)
	if p.Memory.Trusts(source) || !p.Memory.Tell(source) {
		return
	}
	s.Tell(reconciler.Note{
		Severity: reconciler.Error, Reason: meta.ReasonIndexMismatch,
		Message: fmt.Sprintf("checking the index of revision %s of %s: it does not describe the content; its indexes are not used any more", s.Artifact.Revision, source),
	})
}
