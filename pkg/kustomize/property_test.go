package kustomize

import (
	"io/fs"
	"maps"
	"os"
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
