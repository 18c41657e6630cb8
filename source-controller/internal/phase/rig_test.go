package phase_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
)

// source is an upstream whose answers a test sets. A candidate keeps the revision
// that was set when it was made.
type source struct {
	revision             string
	offer                func(revision string) upstream.Candidate
	content              func(revision string) *upstream.Content
	resolveErr, fetchErr error
	fetched, closed      int
	deadline             time.Duration
}

func (s *source) Resolve(ctx context.Context) (upstream.Candidate, error) {
	if at, ok := ctx.Deadline(); ok {
		s.deadline = time.Until(at)
	}
	revision := s.revision
	candidate := s.offer(revision)
	candidate.Fetch = func(ctx context.Context) (*upstream.Content, error) {
		s.fetched++
		if _, ok := ctx.Deadline(); !ok {
			return nil, errors.New("fetching without a timeout")
		}
		if s.fetchErr != nil {
			return nil, s.fetchErr
		}
		content := s.content(revision)
		content.Release = func() error {
			s.closed++
			return nil
		}
		return content, nil
	}
	return candidate, s.resolveErr
}

// newTree returns a source of trees as a GitRepository is one.
func newTree(files fstest.MapFS) *source {
	return &source{
		revision: "a",
		offer: func(revision string) upstream.Candidate {
			return upstream.Candidate{
				Revision: "main@sha1:" + revision, File: revision + ".tar.gz",
				Ready: upstream.Message{Reason: meta.ReasonSucceeded, Text: "stored artifact for revision 'main@sha1:" + revision + "'"},
			}
		},
		content: func(revision string) *upstream.Content {
			return &upstream.Content{
				Body:  upstream.Tree{FS: files},
				Event: upstream.Message{Reason: meta.ReasonNewArtifact, Text: "stored artifact for commit '" + revision + "'"},
			}
		},
	}
}

// rig runs the phases of a source over a storage of its own.
type rig struct {
	store   *storage.Storage
	options phase.Options
	ref     storage.Ref
	source  *source
	files   fstest.MapFS // of a source that is a tree
	dir     string
	clock   *clocktesting.FakeClock
	// current is the artifact in the status.
	current *meta.Artifact
}

func newRig(t *testing.T) *rig {
	t.Helper()
	files := fstest.MapFS{
		"deploy.yaml":  {Data: []byte("kind: ConfigMap\n")},
		"notes/txt.md": {Data: []byte("notes\n")},
	}
	r := newRigFor(t, "GitRepository", newTree(files))
	r.files = files
	return r
}

func newRigFor(t *testing.T, kind string, s *source) *rig {
	t.Helper()
	r := &rig{
		dir: t.TempDir(), clock: clocktesting.NewFakeClock(time.Now()), source: s,
		ref:     storage.Ref{Kind: kind, Namespace: "apps", Name: "podinfo"},
		options: phase.Options{Algorithm: "sha256", MaxBytes: 1 << 20},
	}
	r.restart(t)
	return r
}

// restart opens the storage as a process that has just started does.
func (r *rig) restart(t *testing.T) {
	t.Helper()
	store, err := storage.New(storage.Options{Dir: r.dir, Advertised: "http://source", TTL: time.Minute, Records: 2, Clock: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	r.store = store
}

// end says how a pass ended.
type end struct {
	out reconciler.Outcome
	// at is the phase that ended it, fails its condition.
	at, fails string
}

// pass runs the phases and writes the artifact into the status, as the
// controller does. It returns the scope and how the pass ended.
func (r *rig) pass(t *testing.T, change ...func(*phase.Scope)) (*phase.Scope, end) {
	t.Helper()
	s := &phase.Scope{
		Ref: r.ref, Current: r.current, Timeout: time.Minute,
		Connect: func(context.Context) (upstream.Upstream, error) { return r.source, nil },
	}
	for _, c := range change {
		c(s)
	}
	e := end{out: reconciler.Continue()}
	for _, p := range phase.List(r.store, r.options) {
		if p.Progress != nil {
			_ = p.Progress(s)
		}
		e = end{out: p.Run(t.Context(), s), at: p.Name, fails: p.Fails}
		if !cmp.Equal(e.out, reconciler.Continue(), outcomes()) {
			break
		}
	}
	r.current = s.Current
	if s.Artifact != nil {
		r.current = s.Artifact
	}
	return s, e
}

// outcomes compares how phases ended; errors by their text.
func outcomes() cmp.Option {
	return cmp.Options{
		cmp.AllowUnexported(reconciler.Outcome{}),
		cmp.Comparer(func(a, b error) bool {
			return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error())
		}),
	}
}

func stored(revision string) reconciler.Outcome {
	return reconciler.Done(meta.ReasonSucceeded, "stored artifact for revision 'main@sha1:"+revision+"'")
}

func reasons(s *phase.Scope) []meta.Reason {
	out := []meta.Reason{}
	for _, n := range s.Notes() {
		out = append(out, n.Reason)
	}
	return out
}

func (r *rig) served(t *testing.T, a *meta.Artifact) bool {
	t.Helper()
	f, err := r.store.Open(a.Path)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// age makes a stored artifact as old as an hour.
func (r *rig) age(t *testing.T, a *meta.Artifact) {
	t.Helper()
	old := r.clock.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(r.dir, a.Path), old, old); err != nil {
		t.Fatal(err)
	}
}

// damage removes a stored artifact.
func (r *rig) damage(t *testing.T, a *meta.Artifact) {
	t.Helper()
	if err := os.Remove(filepath.Join(r.dir, a.Path)); err != nil {
		t.Fatal(err)
	}
}

// onDisk lists the files of the storage.
func (r *rig) onDisk(t *testing.T) []string {
	t.Helper()
	names := []string{}
	err := filepath.WalkDir(r.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// damages are ways in which a stored file is not what it was.
func damages() map[string]func(file string) error {
	return map[string]func(file string) error{
		"Removed": os.Remove,
		"Flipped": func(file string) error {
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			content[len(content)/2] ^= 1
			return os.WriteFile(file, content, 0o600)
		},
	}
}
