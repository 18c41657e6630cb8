package phase

import (
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
)

// Names of the phases.
const (
	NamePrepare = "prepare"
	NameConnect = "connect"
	NameResolve = "resolve"
	NameFetch   = "fetch"
	NamePublish = "publish"
	NameCollect = "collect"
	NameRemove  = "remove"
)

// Phases does the work of the phases that touch the storage.
type Phases struct {
	Storage *storage.Storage
	// Digest is the algorithm of artifact digests.
	Digest string
	// MaxSize bounds an artifact, in bytes of its content.
	MaxSize int64
}

// List returns the phases of a pass over a living source, in order.
func (p *Phases) List() []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{
		{Name: NamePrepare, Run: p.prepare},
		{Name: NameConnect, Run: connect},
		{Name: NameResolve, Run: p.resolve, Progress: checking},
		{Name: NameFetch, Run: fetch, Progress: fetching},
		{Name: NamePublish, Run: p.publish, Progress: publishing},
		{Name: NameCollect, Run: p.collect},
	}
}

// Finalize returns the phases of a pass over a deleted source.
func (p *Phases) Finalize() []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{{Name: NameRemove, Run: p.remove}}
}

// checking says nothing at an interval: a slow server must not make Ready flip
// when nothing changed.
func checking(s *Scope) string {
	if s.Current != nil && !s.Requested && !s.SettingsChanged {
		return ""
	}
	return "checking for a new revision"
}

func fetching(s *Scope) string { return fmt.Sprintf("fetching revision '%s'", s.Revision.Text) }

func publishing(s *Scope) string { return fmt.Sprintf("storing revision '%s'", s.Revision.Text) }

// done ends a pass that has an artifact to show.
func done(s *Scope) reconciler.Outcome {
	return reconciler.Done(meta.ReasonSucceeded, fmt.Sprintf("stored artifact for revision '%s'", s.Artifact.Revision))
}
