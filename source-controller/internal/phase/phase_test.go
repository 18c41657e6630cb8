package phase_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
)

// source is an upstream that answers as it is told.
type source struct {
	revision             string
	files                fstest.MapFS
	resolveErr, fetchErr error
	fetched, closed      int
	deadline             time.Duration
}

func (s *source) Resolve(ctx context.Context) (upstream.Revision, error) {
	if at, ok := ctx.Deadline(); ok {
		s.deadline = time.Until(at)
	}
	return upstream.Revision{Text: "main@sha1:" + s.revision, File: s.revision + ".tar.gz"}, s.resolveErr
}

func (s *source) Fetch(ctx context.Context, revision upstream.Revision) (*upstream.Tree, error) {
	s.fetched++
	if _, ok := ctx.Deadline(); !ok {
		return nil, errors.New("fetching without a timeout")
	}
	if s.fetchErr != nil {
		return nil, s.fetchErr
	}
	return &upstream.Tree{FS: s.files, Summary: "commit '" + revision.Text + "'", Close: func() error {
		s.closed++
		return nil
	}}, nil
}

// rig runs the phases of a source over a storage of its own.
type rig struct {
	*phase.Phases
	source *source
	dir    string
	clock  *clocktesting.FakeClock
	// current is the artifact in the status.
	current *meta.Artifact
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir(), clock: clocktesting.NewFakeClock(time.Now())}
	r.source = &source{revision: "a", files: fstest.MapFS{
		"deploy.yaml":  {Data: []byte("kind: ConfigMap\n")},
		"notes/txt.md": {Data: []byte("notes\n")},
	}}
	store, err := storage.New(storage.Options{Dir: r.dir, Advertised: "http://source", TTL: time.Minute, Records: 2, Clock: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	r.Phases = &phase.Phases{Storage: store, Digest: "sha256", MaxSize: 1 << 20}
	return r
}

// pass runs the phases and writes the artifact into the status, as the
// controller does. It returns the scope, how the pass ended and where.
func (r *rig) pass(t *testing.T, change ...func(*phase.Scope)) (*phase.Scope, reconciler.Outcome, string) {
	t.Helper()
	s := &phase.Scope{
		Ref:     storage.Ref{Kind: "GitRepository", Namespace: "apps", Name: "podinfo"},
		Current: r.current, Timeout: time.Minute,
		Connect: func(context.Context) (upstream.Upstream, error) { return r.source, nil },
	}
	for _, c := range change {
		c(s)
	}
	out, at := reconciler.Continue(), ""
	for _, p := range r.List() {
		if p.Progress != nil {
			_ = p.Progress(s)
		}
		if out, at = p.Run(t.Context(), s), p.Name; !cmp.Equal(out, reconciler.Continue(), outcomes()) {
			break
		}
	}
	r.current = s.Current
	if s.Artifact != nil {
		r.current = s.Artifact
	}
	return s, out, at
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
	f, err := r.Storage.Open(a.Path)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

func TestFirstPassPublishes(t *testing.T) {
	r := newRig(t)
	s, out, at := r.pass(t)
	if diff := cmp.Diff(stored("a"), out, outcomes()); diff != "" || at != phase.NameCollect {
		t.Fatalf("ended in %s (-want +got):\n%s", at, diff)
	}
	if diff := cmp.Diff([]meta.Reason{meta.ReasonNewArtifact}, reasons(s)); diff != "" || !s.Changed {
		t.Errorf("a new artifact is told (-want +got):\n%s", diff)
	}
	if !r.served(t, s.Artifact) || s.Artifact.Metadata[meta.MetadataIndexDigest] == "" {
		t.Errorf("the artifact is served, with an index: %+v", s.Artifact)
	}
	if s.Outdated {
		t.Error("there was nothing that could be outdated")
	}
	if r.source.closed != 1 || r.source.deadline > time.Minute || r.source.deadline < 50*time.Second {
		t.Errorf("the tree was closed %d times, the timeout was %s", r.source.closed, r.source.deadline)
	}
}

// TestNothingIsDoneWithoutNeed says which change costs what.
func TestNothingIsDoneWithoutNeed(t *testing.T) {
	cases := map[string]struct {
		why     string
		before  func(*rig)
		scope   func(*phase.Scope)
		end     string
		fetched int
		notes   []meta.Reason
		changed bool
	}{
		"Unchanged": {why: "a reference that has not moved costs one look at it", end: phase.NameResolve, notes: []meta.Reason{}},
		"NewCommit": {
			why:    "a commit is fetched and stored",
			before: func(r *rig) { r.source.revision, r.source.files["new.yaml"] = "b", &fstest.MapFile{} },
			end:    phase.NameCollect, fetched: 1, notes: []meta.Reason{meta.ReasonNewArtifact}, changed: true,
		},
		"NewCommitSameContent": {
			why:    "a commit that changed no file changes the revision, and is no new artifact to tell of",
			before: func(r *rig) { r.source.revision = "b" },
			end:    phase.NameCollect, fetched: 1, notes: []meta.Reason{},
		},
		"OtherIgnoreRules": {
			why:   "the settings shape the artifact",
			scope: func(s *phase.Scope) { s.SettingsChanged, s.Ignore = true, "*.md" },
			end:   phase.NameCollect, fetched: 1, notes: []meta.Reason{meta.ReasonNewArtifact}, changed: true,
		},
		"Forced": {
			why:   "everything is done anew",
			scope: func(s *phase.Scope) { s.Forced = true },
			end:   phase.NameCollect, fetched: 1, notes: []meta.Reason{},
		},
		"Requested": {
			why:   "a request asks to look, not to do everything",
			scope: func(s *phase.Scope) { s.Requested = true },
			end:   phase.NameResolve, notes: []meta.Reason{},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.pass(t)
			if tc.before != nil {
				tc.before(r)
			}
			r.source.fetched = 0
			s, out, at := r.pass(t, func(s *phase.Scope) {
				if tc.scope != nil {
					tc.scope(s)
				}
			})
			if diff := cmp.Diff(stored(r.source.revision), out, outcomes()); diff != "" || at != tc.end {
				t.Errorf("%s: ended in %s (-want +got):\n%s", tc.why, at, diff)
			}
			if r.source.fetched != tc.fetched || s.Changed != tc.changed {
				t.Errorf("%s: fetched %d times, changed is %v", tc.why, r.source.fetched, s.Changed)
			}
			if diff := cmp.Diff(tc.notes, reasons(s)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestDamagedArtifactIsMadeAgain is F-31 and R-24: a stored artifact that is not
// what the status says is told, and made again from the source.
func TestDamagedArtifactIsMadeAgain(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"Removed": os.Remove,
		"Flipped": func(file string) error {
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			content[len(content)/2] ^= 1
			return os.WriteFile(file, content, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			first, _, _ := r.pass(t)
			if err := damage(filepath.Join(r.dir, first.Artifact.Path)); err != nil {
				t.Fatal(err)
			}
			s, out, _ := r.pass(t)
			if diff := cmp.Diff(stored("a"), out, outcomes()); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			want := []meta.Reason{meta.ReasonArtifactVerificationFailed, meta.ReasonNewArtifact}
			if diff := cmp.Diff(want, reasons(s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !r.served(t, s.Artifact) || s.Artifact.Digest != first.Artifact.Digest {
				t.Errorf("the same content gives the same artifact, got %+v", s.Artifact)
			}
		})
	}
}

// TestLastArtifactStays says that the artifact the status named until now is
// served on after a new one was published: consumers know no other yet.
func TestLastArtifactStays(t *testing.T) {
	r := newRig(t)
	first, _, _ := r.pass(t)
	old := r.clock.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(r.dir, first.Artifact.Path), old, old); err != nil {
		t.Fatal(err)
	}
	r.source.revision = "b"
	second, _, _ := r.pass(t)
	if !r.served(t, first.Artifact) || !r.served(t, second.Artifact) {
		t.Error("between the collection and the write of the status nothing can be fetched")
	}
	r.source.revision = "c"
	third, _, _ := r.pass(t)
	if r.served(t, first.Artifact) || !r.served(t, second.Artifact) || !r.served(t, third.Artifact) {
		t.Error("two records are kept: the current one and the last")
	}
}

func TestFailures(t *testing.T) {
	unauthorised := fault.Retry(meta.ReasonAuthenticationFailed, errors.New("reading Secret apps/auth: not found"))
	gone := fault.Retry(meta.ReasonGitOperationFailed, errors.New("connection refused"))
	cases := map[string]struct {
		why    string
		before func(*rig)
		scope  func(*phase.Scope)
		end    string
		out    reconciler.Outcome
	}{
		"Unsupported": {
			why:   "a field that is not acted on must not be ignored",
			scope: func(s *phase.Scope) { s.Unsupported = "spec.include" },
			end:   phase.NamePrepare,
			out: reconciler.Fail(fault.Stalled(meta.ReasonFieldNotSupported,
				errors.New("reading spec.include: this version does not act on it"), fault.Hint("remove the field"))),
		},
		"NoCredentials": {
			why: "nothing can be fetched without them",
			scope: func(s *phase.Scope) {
				s.Connect = func(context.Context) (upstream.Upstream, error) { return nil, unauthorised }
			},
			end: phase.NameConnect, out: reconciler.Fail(unauthorised),
		},
		"Unreachable":    {why: "the server is away", before: func(r *rig) { r.source.resolveErr = gone }, end: phase.NameResolve, out: reconciler.Fail(gone)},
		"FetchBreaksOff": {why: "the server went away", before: func(r *rig) { r.source.revision, r.source.fetchErr = "b", gone }, end: phase.NameFetch, out: reconciler.Fail(gone)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			first, _, _ := r.pass(t)
			if tc.before != nil {
				tc.before(r)
			}
			s, out, at := r.pass(t, func(s *phase.Scope) {
				if tc.scope != nil {
					tc.scope(s)
				}
			})
			if diff := cmp.Diff(tc.out, out, outcomes()); diff != "" || at != tc.end {
				t.Errorf("%s: ended in %s (-want +got):\n%s", tc.why, at, diff)
			}
			if s.Artifact != nil || s.Changed || !r.served(t, first.Artifact) {
				t.Errorf("%s: the last good artifact stays", tc.why)
			}
		})
	}
}

// TestTooLarge is part of R-22: content beyond the limit gives an error and
// leaves nothing behind.
func TestTooLarge(t *testing.T) {
	r := newRig(t)
	r.MaxSize = 1000
	r.source.files["big.yaml"] = &fstest.MapFile{Data: []byte(strings.Repeat("x", 2000))}
	s, out, at := r.pass(t)
	if at != phase.NamePublish || s.Artifact != nil || cmp.Equal(out, reconciler.Continue(), outcomes()) {
		t.Errorf("ended in %s with %+v", at, s.Artifact)
	}
	if r.source.closed != 1 {
		t.Errorf("the tree was closed %d times", r.source.closed)
	}
	if err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAddressIsRewritten(t *testing.T) {
	r := newRig(t)
	first, _, _ := r.pass(t)
	r.current = first.Artifact.DeepCopy()
	r.current.URL = "http://old-name/" + r.current.Path
	s, _, at := r.pass(t)
	if s.Artifact.URL != first.Artifact.URL || at != phase.NameResolve {
		t.Errorf("a host that was renamed shows at the next pass: %s", s.Artifact.URL)
	}
}

func TestRemove(t *testing.T) {
	r := newRig(t)
	s, _, _ := r.pass(t)
	for range 2 {
		for _, p := range r.Finalize() {
			if diff := cmp.Diff(reconciler.Continue(), p.Run(t.Context(), s), outcomes()); diff != "" {
				t.Errorf("removing twice is safe (-want +got):\n%s", diff)
			}
		}
	}
	if r.served(t, s.Artifact) {
		t.Error("the artifact of a deleted source is served")
	}
}

// TestProgress says that a look at a slow server does not make Ready flip: only
// a pass that has a reason to do something says so.
func TestProgress(t *testing.T) {
	said := func(name string, s *phase.Scope) string {
		for _, p := range (&phase.Phases{}).List() {
			if p.Name == name && p.Progress != nil {
				return p.Progress(s)
			}
		}
		return ""
	}
	current := &meta.Artifact{Revision: "main@sha1:a"}
	cases := map[string]struct {
		why, phase string
		scope      *phase.Scope
		want       string
	}{
		"Idle":      {"an interval that passes is no news", phase.NameResolve, &phase.Scope{Current: current}, ""},
		"First":     {"a new object waits for its first artifact", phase.NameResolve, &phase.Scope{}, "checking for a new revision"},
		"Requested": {"somebody asked", phase.NameResolve, &phase.Scope{Current: current, Pass: reconciler.Pass{Requested: true}}, "checking for a new revision"},
		"Settings":  {"the artifact has to be made again", phase.NameResolve, &phase.Scope{Current: current, SettingsChanged: true}, "checking for a new revision"},
		"Fetch":     {"a new revision is fetched", phase.NameFetch, &phase.Scope{Revision: upstream.Revision{Text: "r"}}, "fetching revision 'r'"},
		"Publish":   {"a new revision is stored", phase.NamePublish, &phase.Scope{Revision: upstream.Revision{Text: "r"}}, "storing revision 'r'"},
	}
	for name, tc := range cases {
		if got := said(tc.phase, tc.scope); got != tc.want {
			t.Errorf("%s: %s: says %q", name, tc.why, got)
		}
	}
}
