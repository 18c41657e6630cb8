package phase_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/hosts"
)

func TestFirstPassPublishes(t *testing.T) {
	r := newRig(t)
	s, e := r.pass(t)
	if diff := cmp.Diff(stored("a"), e.out, outcomes()); diff != "" || e.at != "collect" {
		t.Fatalf("ended in %s (-want +got):\n%s", e.at, diff)
	}
	if diff := cmp.Diff([]meta.Reason{meta.ReasonNewArtifact}, reasons(s)); diff != "" || !s.Changed {
		t.Errorf("a new artifact is reported (-want +got):\n%s", diff)
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
		"Unchanged": {why: "a reference that has not moved costs one resolution", end: "resolve", notes: []meta.Reason{}},
		"NewCommit": {
			why:    "a commit is fetched and stored",
			before: func(r *rig) { r.source.revision, r.files["new.yaml"] = "b", &fstest.MapFile{} },
			end:    "collect", fetched: 1, notes: []meta.Reason{meta.ReasonNewArtifact}, changed: true,
		},
		"NewCommitSameContent": {
			why:    "a commit that changed no file changes the revision, and is no new artifact to report",
			before: func(r *rig) { r.source.revision = "b" },
			end:    "collect", fetched: 1, notes: []meta.Reason{},
		},
		"OtherIgnoreRules": {
			why:   "the settings decide what is in the artifact",
			scope: func(s *phase.Scope) { s.SettingsChanged, s.Ignore = true, "*.md" },
			end:   "collect", fetched: 1, notes: []meta.Reason{meta.ReasonNewArtifact}, changed: true,
		},
		"Forced": {
			why:   "everything is done anew",
			scope: func(s *phase.Scope) { s.Forced = true },
			end:   "collect", fetched: 1, notes: []meta.Reason{},
		},
		"Requested": {
			why:   "a request asks to look, not to do everything",
			scope: func(s *phase.Scope) { s.Requested = true },
			end:   "resolve", notes: []meta.Reason{},
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
			s, e := r.pass(t, func(s *phase.Scope) {
				if tc.scope != nil {
					tc.scope(s)
				}
			})
			if diff := cmp.Diff(stored(r.source.revision), e.out, outcomes()); diff != "" || e.at != tc.end {
				t.Errorf("%s: ended in %s (-want +got):\n%s", tc.why, e.at, diff)
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

// TestDamagedArtifactIsMadeAgain says that a stored artifact that is not what the
// status says is reported, and made again from the source.
func TestDamagedArtifactIsMadeAgain(t *testing.T) {
	for name, damage := range damages() {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			first, _ := r.pass(t)
			if err := damage(filepath.Join(r.dir, first.Artifact.Path)); err != nil {
				t.Fatal(err)
			}
			s, e := r.pass(t)
			if diff := cmp.Diff(stored("a"), e.out, outcomes()); diff != "" {
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
	first, _ := r.pass(t)
	r.age(t, first.Artifact)
	r.source.revision = "b"
	second, _ := r.pass(t)
	if !r.served(t, first.Artifact) || !r.served(t, second.Artifact) {
		t.Error("between the collection and the write of the status nothing can be fetched")
	}
	r.source.revision = "c"
	third, _ := r.pass(t)
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
		fails  string
		out    reconciler.Outcome
	}{
		"Unsupported": {
			why:   "a field that is not acted on must not be ignored",
			scope: func(s *phase.Scope) { s.Unsupported = "spec.include" },
			end:   "accept", fails: meta.ConditionFetchFailed,
			out: reconciler.Fail(fault.Stalled(meta.ReasonFieldNotSupported,
				errors.New("reading spec.include: this version does not act on it"), fault.Hint("remove the field"))),
		},
		"NoCredentials": {
			why: "nothing can be fetched without them",
			scope: func(s *phase.Scope) {
				s.Connect = func(context.Context) (upstream.Upstream, error) { return nil, unauthorised }
			},
			end: "connect", fails: meta.ConditionFetchFailed, out: reconciler.Fail(unauthorised),
		},
		"NotVerifiable": {
			why: "it cannot be said whether the stored artifact is what it was",
			scope: func(s *phase.Scope) {
				s.Current = s.Current.DeepCopy()
				s.Current.Digest = "md5:00"
			},
			end: "prepare", fails: meta.ConditionStorageOperationFailed,
			out: reconciler.Fail(fault.Retry(meta.ReasonStatOperationFailed, errors.New(
				`verifying the stored artifact: verifying an artifact: digest algorithm "md5" is not known; use sha256, sha384 or sha512`))),
		},
		"Unreachable":    {why: "the server is away", before: func(r *rig) { r.source.resolveErr = gone }, end: "resolve", fails: meta.ConditionFetchFailed, out: reconciler.Fail(gone)},
		"FetchBreaksOff": {why: "the server went away", before: func(r *rig) { r.source.revision, r.source.fetchErr = "b", gone }, end: "fetch", fails: meta.ConditionFetchFailed, out: reconciler.Fail(gone)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			first, _ := r.pass(t)
			if tc.before != nil {
				tc.before(r)
			}
			s, e := r.pass(t, func(s *phase.Scope) {
				if tc.scope != nil {
					tc.scope(s)
				}
			})
			if diff := cmp.Diff(tc.out, e.out, outcomes()); diff != "" || e.at != tc.end || e.fails != tc.fails {
				t.Errorf("%s: ended in %s with condition %q (-want +got):\n%s", tc.why, e.at, e.fails, diff)
			}
			if s.Artifact != nil || s.Changed || !r.served(t, first.Artifact) {
				t.Errorf("%s: the last good artifact stays", tc.why)
			}
		})
	}
}

// TestTooLarge says that content beyond the limit gives an error and leaves
// nothing behind.
func TestTooLarge(t *testing.T) {
	r := newRig(t)
	r.options.MaxBytes = 1000
	r.files["big.yaml"] = &fstest.MapFile{Data: []byte(strings.Repeat("x", 2000))}
	s, e := r.pass(t)
	if e.at != "publish" || e.fails != meta.ConditionStorageOperationFailed || s.Artifact != nil || cmp.Equal(e.out, reconciler.Continue(), outcomes()) {
		t.Errorf("ended in %s with %+v", e.at, s.Artifact)
	}
	if r.source.closed != 1 {
		t.Errorf("the tree was closed %d times", r.source.closed)
	}
	if left := r.onDisk(t); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestAddressIsRewritten(t *testing.T) {
	r := newRig(t)
	first, _ := r.pass(t)
	r.current = first.Artifact.DeepCopy()
	r.current.URL = "http://old-name/" + r.current.Path
	s, e := r.pass(t)
	if s.Artifact.URL != first.Artifact.URL || e.at != "resolve" {
		t.Errorf("a host that was renamed shows at the next pass: %s", s.Artifact.URL)
	}
}

func TestRemove(t *testing.T) {
	r := newRig(t)
	s, _ := r.pass(t)
	for range 2 {
		for _, p := range phase.Finalize(r.store) {
			if diff := cmp.Diff(reconciler.Continue(), p.Run(t.Context(), s), outcomes()); diff != "" {
				t.Errorf("removing twice is safe (-want +got):\n%s", diff)
			}
		}
	}
	if r.served(t, s.Artifact) {
		t.Error("the artifact of a deleted source is served")
	}
}

// TestProgress says that resolving against a slow server does not make Ready flip:
// only a pass that has something to fetch or store reports progress.
func TestProgress(t *testing.T) {
	checking, fetching, storing := phase.Resolve{}.Progress, phase.Fetch{}.Progress, phase.Publish{}.Progress
	current := &meta.Artifact{Revision: "main@sha1:a"}
	cases := map[string]struct {
		why   string
		says  func(*phase.Scope) string
		scope *phase.Scope
		want  string
	}{
		"Idle":      {"nobody needs to know that an interval has passed", checking, &phase.Scope{Current: current}, ""},
		"First":     {"a new object waits for its first artifact", checking, &phase.Scope{}, "checking for a new revision"},
		"Requested": {"somebody asked", checking, &phase.Scope{Current: current, Pass: reconciler.Pass{Requested: true}}, "checking for a new revision"},
		"Settings":  {"the artifact has to be made again", checking, &phase.Scope{Current: current, SettingsChanged: true}, "checking for a new revision"},
		"Fetch":     {"a new revision is fetched", fetching, &phase.Scope{Candidate: upstream.Candidate{Revision: "r"}}, "fetching revision 'r'"},
		"Publish":   {"a new revision is stored", storing, &phase.Scope{Candidate: upstream.Candidate{Revision: "r"}}, "storing revision 'r'"},
	}
	for name, tc := range cases {
		if got := tc.says(tc.scope); got != tc.want {
			t.Errorf("%s: %s: says %q", name, tc.why, got)
		}
	}
}

// TestPausedHost says what a source shows whose server is not asked at the moment, because
// it did not answer other sources.
func TestPausedHost(t *testing.T) {
	paused := &hosts.PausedError{Host: "git.example.com", For: 40 * time.Second, Everybody: true}
	sibling := fault.Retry(meta.ReasonGitOperationFailed, fmt.Errorf("listing: %w", &hosts.PausedError{Host: "git.example.com", For: 10 * time.Minute}))
	err := fault.Retry(meta.ReasonGitOperationFailed, fmt.Errorf("listing the references of x: %w", paused))
	shown := reconciler.Fail(fault.Retry(meta.ReasonGitOperationFailed, paused))
	for name, tc := range map[string]struct {
		why   string
		scope func(*rig, *phase.Scope)
		end   string
		out   reconciler.Outcome
	}{
		"Well":          {"readers have to know that nobody looks", func(*rig, *phase.Scope) {}, "resolve", shown},
		"SiblingFailed": {"what another source of the namespace met says nothing about this one", func(r *rig, _ *phase.Scope) { r.source.resolveErr = sibling }, "resolve", reconciler.Park(time.Minute)},
		"FailedAlready": {"what the source failed at itself says more, and stays", func(_ *rig, s *phase.Scope) { s.FetchFailed = true }, "resolve", reconciler.Park(40 * time.Second)},
		"Damaged": {"the stored artifact is gone, which has to be reported", func(r *rig, s *phase.Scope) {
			s.FetchFailed = true
			r.damage(t, s.Current)
		}, "resolve", shown},
		"WhileFetching": {"the host went away between two requests", func(r *rig, s *phase.Scope) {
			s.FetchFailed = true
			r.source.revision, r.source.resolveErr, r.source.fetchErr = "b", nil, err
		}, "fetch", reconciler.Park(40 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.pass(t)
			r.source.resolveErr = err
			_, e := r.pass(t, func(s *phase.Scope) { tc.scope(r, s) })
			if diff := cmp.Diff(tc.out, e.out, outcomes()); diff != "" || e.at != tc.end {
				t.Errorf("%s: ended in %s (-want +got):\n%s", tc.why, e.at, diff)
			}
		})
	}
}

// TestOddNamesAreReported says that a file with a name that cannot be packed does not stop
// the source, and is named in an event with each new artifact, and only then.
func TestOddNamesAreReported(t *testing.T) {
	r := newRig(t)
	r.files["docs/caf\xe9.txt"] = &fstest.MapFile{Data: []byte("x")}
	s, e := r.pass(t)
	if diff := cmp.Diff(stored("a"), e.out, outcomes()); diff != "" {
		t.Fatalf("ended in %s (-want +got):\n%s", e.at, diff)
	}
	if diff := cmp.Diff([]meta.Reason{meta.ReasonNewArtifact, meta.ReasonFilesLeftOut}, reasons(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text := s.Notes()[1].Message; !strings.Contains(text, `"docs/caf\xe9.txt"; rename them`) {
		t.Errorf("got %q", text)
	}
	for name, change := range map[string]func(){"Unchanged": func() {}, "SameContent": func() { r.source.revision = "b" }} {
		change()
		if s, _ := r.pass(t); len(s.Notes()) != 0 {
			t.Errorf("%s: reported again: %v", name, reasons(s))
		}
	}
	delete(r.files, "docs/caf\xe9.txt")
	r.files["new.yaml"], r.source.revision = &fstest.MapFile{}, "c"
	s, _ = r.pass(t)
	if diff := cmp.Diff([]meta.Reason{meta.ReasonNewArtifact}, reasons(s)); diff != "" {
		t.Errorf("it is gone (-want +got):\n%s", diff)
	}
}
