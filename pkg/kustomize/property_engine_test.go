package kustomize

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

var (
	engineEdits = flag.Int("engine.edits", 500, "how many edits TestARecordingThatHoldsMeansTheSameResult makes")
	engineSeed  = flag.Uint64("engine.seed", 7, "the seed of its edits")
)

// editsPerTree is how many edits a tree bears before most of it fails to build.
const editsPerTree = 25

type kept struct {
	output    string
	recording record.Recording
	failed    bool
}

// engine builds what its recordings do not answer for, as the controller does.
type engine struct {
	t       testing.TB
	builder *Builder
	last    map[string]kept
	// skips counts the recordings that held, builds those that did not.
	skips, builds int
}

func (e *engine) build(b *Builder, files fstest.MapFS, dir string) kept {
	got, err := b.Build(e.t.Context(), Request{FS: files, Path: dir, Overlay: Overlay{
		Components: []string{"../../components/maybe"}, IgnoreMissingComponents: true,
	}})
	if err != nil {
		return kept{failed: true, output: err.Error()}
	}
	return kept{output: asJSON(e.t, got.Objects), recording: got.Recording}
}

// result returns what the engine says a unit is, and whether it built it.
func (e *engine) result(files fstest.MapFS, dir string) (kept, bool) {
	old, known := e.last[dir]
	if known && !old.failed && !old.recording.Untraceable() && len(old.recording.Check(index{files})) == 0 {
		e.skips++
		return old, false
	}
	if known && !old.failed {
		e.builds++
	}
	e.last[dir] = e.build(e.builder, files, dir)
	return e.last[dir], true
}

// TestARecordingThatHoldsMeansTheSameResult edits a monorepo at random. After each
// edit an engine that builds in pieces, and only what its recordings no longer
// answer for, has for every unit what a full rebuild without pieces gives.
// Another length and seed: -engine.edits=5000 -engine.seed=8.
func TestARecordingThatHoldsMeansTheSameResult(t *testing.T) {
	edits := *engineEdits
	if testing.Short() {
		edits = min(edits, 150)
	}
	a := &author{Rand: rand.New(rand.NewPCG(*engineSeed, *engineSeed)), t: t, kinds: map[string]int{}} //nolint:gosec // a test wants the same numbers again
	whole := NewBuilder(Options{NoPieces: true})
	e := &engine{t: t, builder: whole.fresh(), last: map[string]kept{}}
	for i := 0; i < edits; {
		if i%editsPerTree == 0 {
			a.files = monorepo(t)
		}
		before := maps.Clone(a.files)
		kind, what := a.edit()
		if !buildable(a.files) {
			a.files = before
			continue
		}
		i++
		a.kinds[kind]++
		for _, dir := range units() {
			got, built := e.result(a.files, dir)
			want := e.build(whole, a.files, dir)
			if diff := cmp.Diff(want.output, got.output); diff != "" || want.failed != got.failed {
				t.Fatalf("seed %d, edit %d (%s %s): %s (built by the engine: %t) is not what a full rebuild gives:\n%s", *engineSeed, i, kind, what, dir, built, diff)
			}
			if diff := cmp.Diff(want.recording, got.recording); diff != "" && !built {
				t.Fatalf("seed %d, edit %d (%s %s): the recording of %s holds, another build records otherwise:\n%s", *engineSeed, i, kind, what, dir, diff)
			}
		}
	}
	e.judge(t, a)
}

// judge says whether the edits proved anything.
func (e *engine) judge(t *testing.T, a *author) {
	t.Helper()
	t.Logf("seed %d: %d skips, %d builds, edits %v", *engineSeed, e.skips, e.builds, a.kinds)
	if e.skips < 2*e.builds || e.builds == 0 {
		t.Errorf("%d skips and %d builds: the edits prove little or the recordings are too wide", e.skips, e.builds)
	}
	a.files = monorepo(t)
	for _, kind := range slices.Sorted(maps.Keys(a.edits())) {
		if a.kinds[kind] == 0 && !testing.Short() && *engineEdits >= 500 {
			t.Errorf("no edit was of the kind %s", kind)
		}
	}
}
