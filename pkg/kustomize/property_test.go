package kustomize

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// index answers for a tree the way an artifact's index does: from the list of its
// files alone.
type index struct{ files fstest.MapFS }

func (x index) File(name string) (string, bool) {
	f, ok := x.files[name]
	if !ok {
		return "", false
	}
	return record.FileDigest(f.Data), true
}

func (x index) Dir(name string) (string, bool) {
	children := map[string]record.Child{}
	for file := range x.files {
		rest, ok := strings.CutPrefix(file, name+"/")
		if name == "." {
			rest, ok = file, true
		}
		if ok {
			first, _, deeper := strings.Cut(rest, "/")
			children[first] = record.Child{Name: first, Dir: deeper}
		}
	}
	return record.DirDigest(slices.Collect(maps.Values(children))), len(children) > 0
}

// monorepo is a repository with everything a build can depend on: shared bases,
// overlays, components, generators, plug-ins, and directories without a
// kustomization file.
func monorepo(t testing.TB) fstest.MapFS {
	files := tree{"docs/readme.md": "text"}
	for i := range 3 {
		base := fmt.Sprintf("bases/b%d/", i)
		files[base+"kustomization.yaml"] = kust("resources", []string{"deploy.yaml", "config.yaml"},
			"configMapGenerator", []any{map[string]any{"name": "gen", "files": []string{"data.txt"}, "envs": []string{"data.env"}}})
		files[base+"deploy.yaml"] = object("apps/v1", "Deployment", fmt.Sprintf("d%d", i), "spec", map[string]any{"replicas": 1})
		files[base+"config.yaml"] = configMap(fmt.Sprintf("c%d", i), "k", "v")
		files[base+"data.txt"], files[base+"data.env"] = "data", "A=1\n"
		files[base+"unused.txt"] = "unused"
	}
	for i := range 6 {
		unit := fmt.Sprintf("units/u%d/", i)
		k := kust("namespace", fmt.Sprintf("ns%d", i), "resources", []string{fmt.Sprintf("../../bases/b%d", i%3), "own.yaml"},
			"patches", []any{map[string]any{"path": "patch.yaml"}})
		if i%2 == 0 {
			k["components"] = []string{"../../components/x"}
		} else {
			k["transformers"] = []string{"../../plugins/annotate.yaml"}
		}
		files[unit+"kustomization.yaml"] = k
		files[unit+"own.yaml"] = configMap("own", "k", "v")
		files[unit+"patch.yaml"] = object("apps/v1", "Deployment", fmt.Sprintf("d%d", i%3), "spec", map[string]any{"replicas": 2})
		plain := fmt.Sprintf("plain/p%d/", i)
		files[plain+"a.yaml"], files[plain+"sub/b.yml"] = configMap("a"), configMap("b")
		files[plain+"own/kustomization.yaml"], files[plain+"own/c.yaml"] = kust("resources", []string{"c.yaml"}), configMap("c")
	}
	component := object("kustomize.config.k8s.io/v1alpha1", "Component", "x", "resources", []string{"extra.yaml"})
	delete(component, "metadata")
	files["components/x/kustomization.yaml"], files["components/x/extra.yaml"] = component, configMap("extra")
	files["plugins/annotate.yaml"] = object("builtin", "AnnotationsTransformer", "p", "annotations", map[string]any{"a": "b"},
		"fieldSpecs", []any{map[string]any{"path": "metadata/annotations", "create": true}})
	return files.fs(t)
}

// edit changes a tree as a commit might.
func edit(t testing.TB, r *rand.Rand, files fstest.MapFS) string {
	all := slices.Sorted(maps.Keys(files))
	name := all[r.IntN(len(all))]
	dir := path.Dir(name)
	put := func(name string, value any) string {
		files[name] = &fstest.MapFile{Data: contentOf(t, value), Mode: 0o644}
		return "write " + name
	}
	fresh := fmt.Sprintf("n%d", r.IntN(1000))
	switch r.IntN(9) {
	case 0:
		return put(name, string(files[name].Data)+"\n# touched "+fresh+"\n")
	case 1:
		delete(files, name)
		return "delete " + name
	case 2:
		return put(path.Join(dir, fresh+".yaml"), configMap(fresh))
	case 3:
		return put(path.Join(dir, fresh, "deep.yaml"), configMap(fresh))
	case 4:
		return put(path.Join(dir, "Kustomization"), kust("resources", []string{}, "namePrefix", fresh))
	case 5:
		return put(path.Join(dir, fresh+".txt"), fresh)
	case 6:
		files[path.Join(dir, fresh+path.Ext(name))] = files[name]
		delete(files, name)
		return "rename " + name
	case 7:
		if strings.HasSuffix(name, "c.yaml") || strings.HasSuffix(name, "config.yaml") || strings.HasSuffix(name, "own.yaml") {
			return put(name, configMap("own", "k", fresh))
		}
		return put("docs/"+fresh+".md", fresh)
	default:
		delete(files, name)
		return put(name+"/inside.yaml", configMap(fresh))
	}
}

type kept struct {
	output    string
	recording record.Recording
	failed    bool
}

func buildAll(t testing.TB, b *Builder, files fstest.MapFS) map[string]kept {
	out := map[string]kept{}
	for i := range 6 {
		for _, dir := range []string{fmt.Sprintf("units/u%d", i), fmt.Sprintf("plain/p%d", i)} {
			got, err := b.Build(t.Context(), Request{FS: files, Path: dir, Overlay: Overlay{
				Components: []string{"../../components/maybe"}, IgnoreMissingComponents: true,
			}})
			if err != nil {
				out[dir] = kept{failed: true, output: err.Error()}
				continue
			}
			out[dir] = kept{output: asJSON(t, got.Objects), recording: got.Recording}
		}
	}
	return out
}

func TestARecordingThatHoldsMeansTheSameResult(t *testing.T) {
	edits := 400
	if testing.Short() {
		edits = 150
	}
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a test wants the same numbers again
	b := NewBuilder(Options{})
	files := monorepo(t)
	last := buildAll(t, b, files)
	skips, builds := 0, 0
	for i := range edits {
		if i%25 == 0 {
			files = monorepo(t)
			last = buildAll(t, b, files)
		}
		before := maps.Clone(files)
		what := edit(t, r, files)
		if !buildable(files) {
			files = before
			continue
		}
		now := buildAll(t, b, files)
		for dir, old := range last {
			if old.failed {
				continue
			}
			if changed := old.recording.Check(index{files}); len(changed) > 0 {
				builds++
				continue
			}
			skips++
			if now[dir].output != old.output {
				t.Fatalf("edit %d (%s): the recording of %s holds, the result differs:\n%s", i, what, dir, cmp.Diff(old.output, now[dir].output))
			}
			if diff := cmp.Diff(old.recording, now[dir].recording); diff != "" {
				t.Fatalf("edit %d (%s): the recording of %s holds, another build records otherwise:\n%s", i, what, dir, diff)
			}
		}
		last = now
	}
	t.Logf("%d skips, %d builds", skips, builds)
	if skips < 5*builds || builds == 0 {
		t.Errorf("%d skips and %d builds: the edits prove little or the recordings are too wide", skips, builds)
	}
}

// buildable says that no file is also a directory, which no tree can be.
func buildable(files fstest.MapFS) bool {
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := files[dir]; ok {
				return false
			}
		}
	}
	return true
}

func TestRecordingIsDeterministic(t *testing.T) {
	b := NewBuilder(Options{})
	files := monorepo(t)
	one, err := b.Build(t.Context(), Request{FS: files, Path: "units/u0"})
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Build(t.Context(), Request{FS: files, Path: "units/u0"})
	if err != nil {
		t.Fatal(err)
	}
	if one.Recording.Digest() != two.Recording.Digest() || one.Recording.Untraceable() {
		t.Error("the same build is recorded in two ways")
	}
	delete(files, "bases/b0/data.env")
	if changed := one.Recording.Check(index{files}); !slices.Equal(changed, []string{"bases/b0/data.env"}) {
		t.Errorf("want the deleted file, got %v", changed)
	}
}

func TestDigestsAreThoseOfAnIndex(t *testing.T) {
	const listing = "sha256:7d8cc4651e239fc4f3c8c8b89ae01eb2f7fce59dbeb94d149e10079e08a811c0"
	if got := record.DirDigest([]record.Child{{Name: "b", Dir: true}, {Name: "a.yaml"}}); got != listing {
		t.Errorf("want %s, got %s", listing, got)
	}
	const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if record.FileDigest(nil) != empty || record.DirDigest(nil) != empty {
		t.Error("digests are SHA-256 of content and listing")
	}
}

func TestSchemasDoNotLeak(t *testing.T) {
	// The hostile schema makes container lists atomic, so that a build under it
	// loses the sidecar.
	hostile := tree{
		"kustomization.yaml": kust("openapi", kust("path", "schema.json"), "resources", []string{"x.yaml"},
			"patches", []any{kust("patch", string(contentOf(t, configMap("x", "a", "b"))))}),
		"x.yaml": configMap("x", "k", "v"),
		"schema.json": `{"swagger":"2.0","info":{"title":"x","version":"1"},"paths":{},"definitions":{"D":{"type":"object",` +
			`"x-kubernetes-group-version-kind":[{"group":"apps","version":"v1","kind":"Deployment"}]}}}`,
	}.fs(t)
	broken := maps.Clone(hostile)
	broken["schema.json"] = &fstest.MapFile{Data: []byte(`{"definitions": [`)}
	b := NewBuilder(Options{Parallel: 4})
	want, err := b.Build(t.Context(), Request{FS: os.DirFS("testdata/trees/sidecar")})
	if err != nil {
		t.Fatal(err)
	}
	containers, _, _ := unstructured.NestedSlice(want.Objects[0].Object, "spec", "template", "spec", "containers")
	if len(containers) != 2 {
		t.Fatalf("want two containers, got %d", len(containers))
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for round := range 8 {
				var files fs.FS = os.DirFS("testdata/trees/sidecar")
				if worker == 0 {
					files = []fs.FS{hostile, broken}[round%2]
				}
				got, err := b.Build(t.Context(), Request{FS: files})
				if worker != 0 && (err != nil || !cmp.Equal(want.Objects, got.Objects)) {
					t.Errorf("a build beside a foreign schema differs: %v", err)
				}
				if worker == 0 && round%2 == 0 && err != nil {
					t.Errorf("a build with its own schema fails: %v", err)
				}
			}
		})
	}
	wg.Wait()
}
