package kustomize

import (
	"context"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bases"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/document"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/scrub"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/view"
)

// session is one attempt at one build: what it may still consume, what it has
// seen, and why it was refused. It belongs to one goroutine.
type session struct {
	*view.Tree
	limits Limits
	// root is where the library believes the tree to be. Where there are remote
	// bases, nobody can guess it.
	root string
	// fetches says that remote bases are allowed; bases has those that are here.
	fetches bool
	bases   *bases.Set
	// ownSchema says that the process-wide schema is ours to change.
	ownSchema bool

	generate map[string][]byte
	guarded  map[string]*guarded

	// files are those of objects and patches.
	files *document.Files

	// entangled says that the library builds everything in one run.
	entangled bool

	depth map[string]int
	tally tally
}

// tally is what the files of a build bring to it.
type tally struct{ loads, objects, transforms int }

func newSession(ctx context.Context, req Request, set *bases.Set) *session {
	limits := view.Limits{Files: req.Limits.Files, FileBytes: req.Limits.FileBytes, Bytes: req.Limits.Bytes}
	return &session{
		Tree:     view.New(ctx, req.FS, limits, req.Decrypt),
		limits:   req.Limits,
		root:     treeRoot,
		fetches:  req.Remote != nil,
		bases:    set,
		generate: map[string][]byte{},
		depth:    map[string]int{},
		guarded:  map[string]*guarded{},
		files:    document.NewFiles(),
	}
}

// count adds what a file brings to the build and refuses a product that would
// keep a worker busy for minutes.
func (s *session) count(objects, transforms int) error {
	s.tally.objects += objects
	s.tally.transforms += transforms
	if s.tally.objects > s.limits.Objects {
		return s.Stop(refuse("the build holds more than %d objects", s.limits.Objects))
	}
	if s.entangled && s.tally.objects > s.limits.Entangled {
		return s.Stop(refuse("the build holds more than %d objects, and uses features that compare them with each other", s.limits.Entangled))
	}
	if s.tally.objects*s.tally.transforms > s.limits.Pairs {
		return s.Stop(refuse("%d objects times %d transformations are more than the limit of %d",
			s.tally.objects, s.tally.transforms, s.limits.Pairs))
	}
	return nil
}

// scrub makes an error text of the library fit to be shown.
func (s *session) scrub(err error) string {
	return s.bases.Show(scrub.Text(err, s.root, s.Secrets(s.generate)))
}
