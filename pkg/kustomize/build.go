package kustomize

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bases"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/finish"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/piece"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/schema"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

// Options configures a Builder.
type Options struct {
	// Parallel is how many builds run at once, abandoned ones included. Zero
	// means one a processor.
	Parallel int
	// Clock measures the timeout. Nil means the real clock.
	Clock clock.Clock
	// NoPieces has the library build every tree in one run, however large (see
	// the package comment). It is there to compare, or to find a fault.
	NoPieces bool
	// CacheBytes is how much is kept of large trees, so that a build only
	// repeats what changed. Zero means 64 MiB.
	CacheBytes int64
}

// Builder builds trees. There is one in a process (see the package comment); it
// may be used by many goroutines.
type Builder struct {
	schema *schema.Shared
	slots  chan struct{}
	clock  clock.Clock
	// pieces is nil where trees are not built in pieces.
	pieces *pieces
	// key and secret make names that nobody can guess, for as long as the process
	// lives.
	key    []byte
	secret string
}

// NewBuilder returns a Builder. It parses the schema that builds share, which
// takes some 50 ms.
func NewBuilder(o Options) *Builder {
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	b := &Builder{schema: schema.New(), slots: make(chan struct{}, o.Parallel), clock: o.Clock, key: make([]byte, 16), secret: rand.Text()}
	_, _ = rand.Read(b.key) // never fails
	if !o.NoPieces {
		b.pieces = &pieces{cache: piece.NewCache(orDefault(o.CacheBytes, cacheBytes), piece.Run), least: piecesFrom}
	}
	return b
}

// Request is one build.
type Request struct {
	// FS is a read-only view of the artifact. It must not follow symbolic links:
	// either it has none or it implements fs.ReadLinkFS.
	FS fs.FS
	// Path is the directory to build, relative to the artifact's root. A leading
	// "./" or "/" means the root.
	Path    string
	Overlay Overlay
	Limits  Limits
	// Decrypt turns a file that a secret generator or a patch refers to into
	// plain text. A file it has no business with it returns unchanged. Nil
	// leaves all files as they are.
	Decrypt func(path string, data []byte) ([]byte, error)
	// DecryptObject does the same for a built object, before substitution.
	DecryptObject func(obj *unstructured.Unstructured) (*unstructured.Unstructured, error)
	// Remote fetches what resources and components refer to outside of the tree.
	// Nil refuses such references. It runs outside of the builds' slots.
	Remote remote.Fetch
	// Substitution replaces variables in the built objects. Nil replaces none.
	Substitution *substitute.Variables
}

// Result is what a build gave.
type Result struct {
	// Objects are in the order of the build.
	Objects []*unstructured.Unstructured
	// Recording is what the objects depend on besides the Request.
	Recording record.Recording

	facts map[*unstructured.Unstructured]finish.Facts
}

// Sensitive reports whether one of the Objects may hold something secret: it is a
// Secret, it or a patch was decrypted, or it refers to a sensitive variable. Its
// values are to be kept out of errors.
func (r *Result) Sensitive(obj *unstructured.Unstructured) bool { return r.facts[obj].Sensitive }

// Identity returns a text that is the same for two of the Objects, also of
// different builds of one Builder, only if they were the same when they were
// built. It is empty where nothing is known. It is made from the content, secrets
// included, and is for memory only.
func (r *Result) Identity(obj *unstructured.Unstructured) string { return r.facts[obj].Identity }

type attempt struct {
	result *Result
	err    error
}

// Build builds the directory req.Path of req.FS. The error of a build that cannot
// succeed on this tree carries BuildFailed, that of a path which is not there
// ArtifactFailed. When ctx ends or the timeout passes, the build is given up: its
// result is discarded, and it ends at its next access to the tree.
func (b *Builder) Build(ctx context.Context, req Request) (*Result, error) {
	req.Limits = req.Limits.withDefaults()
	dir, err := directory(req.Path)
	if err != nil {
		return nil, fault.Retry(meta.ReasonArtifactFailed, err, fault.Hint("a path begins at the root of the artifact"))
	}
	req.Path = dir
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	timer := b.clock.NewTimer(req.Limits.Timeout)
	defer timer.Stop()
	timeout := refuse("the build takes longer than %s", req.Limits.Timeout.Round(time.Millisecond))
	done := make(chan attempt, 1)
	select {
	case b.slots <- struct{}{}:
		go func() { done <- b.run(ctx, req) }()
	case <-ctx.Done():
		return nil, failed(dir, context.Cause(ctx))
	case <-timer.C():
		return nil, failed(dir, timeout)
	}
	select {
	case out := <-done:
		return out.result, failed(dir, out.err)
	case <-ctx.Done():
		return nil, failed(dir, context.Cause(ctx))
	case <-timer.C():
		cancel(timeout)
		return nil, failed(dir, timeout)
	}
}

// attempt runs one build and turns a panic into an error.
func (b *Builder) attempt(ctx context.Context, req Request, set *bases.Set, ownSchema bool) (result *Result, err error) {
	s := newSession(ctx, req, set)
	s.ownSchema = ownSchema
	if s.fetches {
		s.root += "-" + b.secret
	}
	defer func() {
		// What was thrown may hold a value of the tree; its kind says enough.
		if p := recover(); p != nil {
			result, err = nil, refuse("kustomize gave up on an input it does not understand (%T)", p)
		}
	}()
	result, err = s.build(req, b.pieces)
	if err == nil {
		err = s.Alive()
	}
	if err != nil {
		return nil, s.explain(err)
	}
	return result, nil
}

// explain prefers our own reason to the library's account of it.
func (s *session) explain(err error) error {
	if s.Err() != nil {
		return s.Err()
	}
	if refusal.Is(err) || errors.As(err, new(*fault.Error)) {
		return err
	}
	return errors.New(s.scrub(err))
}

func (s *session) build(req Request, p *pieces) (*Result, error) {
	kind, err := s.Lookup(req.Path)
	if err != nil {
		return nil, err
	}
	if kind != record.KindDir {
		return nil, fault.Retry(meta.ReasonArtifactFailed, errors.New("the artifact has no such directory"), fault.Hint(notPacked))
	}
	if err := s.prepare(req.Path, &req.Overlay); err != nil {
		return nil, err
	}
	made, ok := s.inPieces(req.Path, p)
	if !ok {
		var err error
		if made, err = s.together(req.Path); err != nil {
			return nil, err
		}
	}
	return s.finish(made, req, p)
}

// together has the library build everything in one run.
func (s *session) together(dir string) ([]piece.Object, error) {
	s.entangled = true
	options := &krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}
	built, err := krusty.MakeKustomizer(options).Run(recordingFS{s: s}, path.Join(s.root, dir))
	if err != nil {
		return nil, s.blame(err)
	}
	return s.convertAll(built)
}

// notPacked is why a reader may see what a build does not.
const notPacked = "symbolic links and ignored files are not part of an artifact"

// directory cleans a path as the API gives it.
func directory(name string) (string, error) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if !fs.ValidPath(clean) {
		return "", refuse("path %q leaves the artifact", clip(name))
	}
	return clean, nil
}

func failed(dir string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("building %q: %w", clip(dir), err)
	if errors.As(err, new(*fault.Error)) {
		return err
	}
	if strings.Contains(err.Error(), fs.ErrNotExist.Error()) {
		return fault.Retry(meta.ReasonBuildFailed, err, fault.Hint(notPacked))
	}
	return fault.Retry(meta.ReasonBuildFailed, err)
}
