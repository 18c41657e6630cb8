package kustomize

import (
	"context"
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
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/schema"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/scrub"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

// Options configures a Builder.
type Options struct {
	// Parallel is how many builds run at once, abandoned ones included. Zero
	// means one a processor.
	Parallel int
	// Clock measures the timeout. Nil means the real clock.
	Clock clock.Clock
}

// Builder builds trees. There is one in a process (see the package comment); it
// may be used by many goroutines.
type Builder struct {
	schema *schema.Shared
	slots  chan struct{}
	clock  clock.Clock
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
	return &Builder{schema: schema.New(), slots: make(chan struct{}, o.Parallel), clock: o.Clock}
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
	// Substitution replaces variables in the built objects. Nil replaces none.
	Substitution *substitute.Variables
}

// Result is what a build gave.
type Result struct {
	// Objects are in the order of the build.
	Objects []*unstructured.Unstructured
	// Recording is what the objects depend on besides the Request.
	Recording record.Recording
}

type outcome struct {
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
		return nil, fault.Retry(meta.ReasonArtifactFailed, err)
	}
	req.Path = dir
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	timer := b.clock.NewTimer(req.Limits.Timeout)
	defer timer.Stop()
	timeout := refuse("the build takes longer than %s", req.Limits.Timeout.Round(time.Millisecond))
	done := make(chan outcome, 1)
	select {
	case b.slots <- struct{}{}:
		go b.run(ctx, req, done)
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

func (b *Builder) run(ctx context.Context, req Request, done chan<- outcome) {
	defer func() { <-b.slots }()
	var out outcome
	out.err = b.schema.Together(func() (err error) {
		out.result, err = attempt(ctx, req, false)
		return err
	})
	if errors.Is(out.err, errOwnSchema) {
		out.err = b.schema.Alone(func() (err error) {
			out.result, err = attempt(ctx, req, true)
			return err
		})
	}
	done <- out
}

// attempt runs one build and turns a panic into an error.
func attempt(ctx context.Context, req Request, ownSchema bool) (result *Result, err error) {
	s := newSession(ctx, req)
	s.ownSchema = ownSchema
	defer func() {
		// What was thrown may hold a value of the tree; its kind says enough.
		if p := recover(); p != nil {
			result, err = nil, refuse("kustomize gave up on an input it does not understand (%T)", p)
		}
	}()
	objects, err := s.build(req)
	if err == nil {
		err = s.alive()
	}
	if err != nil {
		return nil, s.explain(err)
	}
	return &Result{Objects: objects, Recording: s.seen.Recording()}, nil
}

// explain prefers our own reason to the library's account of it.
func (s *session) explain(err error) error {
	if s.err != nil {
		return s.err
	}
	var own *refusal
	if errors.As(err, &own) || errors.As(err, new(*fault.Error)) {
		return err
	}
	return errors.New(scrub.Text(err, treeRoot, s.hide))
}

func (s *session) build(req Request) ([]*unstructured.Unstructured, error) {
	kind, err := s.look(req.Path)
	if err != nil {
		return nil, err
	}
	if kind != record.KindDir {
		return nil, fault.Retry(meta.ReasonArtifactFailed, errors.New("the artifact has no such directory"))
	}
	if err := s.prepare(req.Path, &req.Overlay); err != nil {
		return nil, err
	}
	options := &krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}
	built, err := krusty.MakeKustomizer(options).Run(recordingFS{s}, path.Join(treeRoot, req.Path))
	if err != nil {
		return nil, err
	}
	return s.objectsOf(built, req)
}

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
		return fault.Retry(meta.ReasonBuildFailed, err,
			fault.Hint("symbolic links and ignored files are not part of an artifact"))
	}
	return fault.Retry(meta.ReasonBuildFailed, err)
}
