package kustomize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

// tree is a file tree under construction. Values that are not text become YAML.
type tree map[string]any

func (f tree) fs(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for name, value := range f {
		out[name] = &fstest.MapFile{Data: contentOf(t, value), Mode: 0o644}
	}
	return out
}

func contentOf(t testing.TB, value any) []byte {
	t.Helper()
	switch v := value.(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	}
	data, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func object(apiVersion, kind, name string, more ...any) map[string]any {
	obj := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name}}
	for i := 0; i+1 < len(more); i += 2 {
		obj[more[i].(string)] = more[i+1]
	}
	return obj
}

func configMap(name string, pairs ...any) map[string]any {
	data := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[pairs[i].(string)] = pairs[i+1]
	}
	return object("v1", "ConfigMap", name, "data", data)
}

func kust(fields ...any) map[string]any {
	k := map[string]any{}
	for i := 0; i+1 < len(fields); i += 2 {
		k[fields[i].(string)] = fields[i+1]
	}
	return k
}

func names(objects []*unstructured.Unstructured) []string {
	out := []string{}
	for _, o := range objects {
		out = append(out, nameOf(o))
	}
	return out
}

func asJSON(t testing.TB, objects []*unstructured.Unstructured) string {
	t.Helper()
	var b strings.Builder
	for _, o := range objects {
		data, err := json.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(data)
		b.WriteByte('\n')
	}
	return b.String()
}

// direct builds with the library alone and reads its YAML output.
func direct(t testing.TB, files fs.FS, dir string) ([]*unstructured.Unstructured, error) {
	t.Helper()
	mem := filesys.MakeFsInMemory()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return mem.WriteFile("/"+name, data)
	})
	if err != nil {
		t.Fatal(err)
	}
	options := &krusty.Options{LoadRestrictions: types.LoadRestrictionsNone, PluginConfig: types.DisabledPluginConfig()}
	built, err := krusty.MakeKustomizer(options).Run(mem, path.Join("/", dir))
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		data, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(data); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, obj)
	}
	return objects, nil
}

func TestBuildMatchesTheLibrary(t *testing.T) {
	cases := map[string]struct {
		why  string
		tree string
		path string
	}{
		"Overlay":         {"bases, components, generators, patches, replacements and plug-ins", "overlay", "prod"},
		"Base":            {"generators with files, renamed files and environment files", "overlay", "base"},
		"OwnSchema":       {"a schema of its own decides how lists merge", "schema", "."},
		"StrategicMerge":  {"the common schema keeps the sidecar", "sidecar", "."},
		"NestedDirectory": {"a directory with its own file", "plain", "nested"},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			files := os.DirFS("testdata/trees/" + c.tree)
			got, err := b.Build(t.Context(), Request{FS: files, Path: c.path})
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			var want []*unstructured.Unstructured
			err = b.schema.Alone(func() (err error) {
				want, err = direct(t, files, c.path)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Objects); diff != "" {
				t.Errorf("%s (-library +ours):\n%s", c.why, diff)
			}
		})
	}
}

func TestBuildConvertsEveryScalarAsTheLibraryDoes(t *testing.T) {
	scalars := []string{
		"1", "-1", "010", "0x10", "0o10", "1_000", "1.0", "1.5", "1e3", "1e21", "1e30", "9223372036854775807",
		"9223372036854775808", "18446744073709551616", "-9223372036854775808", "yes", "no", "on", "off", "y", "true", "True",
		"~", "null", "\"null\"", "2001-01-01", "2001-01-01T00:00:00Z", "12:30:45", "!!str 1", "!!int \"3\"", "0b11", ".5", "+1",
		"\"\"", "'a: b'", "1.", "123456789012345678", "0.1", "-0", "1e-7", "!!binary aGk=",
	}
	b := NewBuilder(Options{})
	for _, scalar := range scalars {
		files := fstest.MapFS{
			"kustomization.yaml": {Data: contentOf(t, kust("resources", []string{"x.yaml"}))},
			"x.yaml":             {Data: []byte(string(contentOf(t, object("example.com/v1", "X", "x"))) + "v: " + scalar + "\n")},
		}
		want, wantErr := direct(t, files, ".")
		got, err := b.Build(t.Context(), Request{FS: files})
		if (err == nil) != (wantErr == nil) {
			t.Errorf("%s: library says %v, we say %v", scalar, wantErr, err)
			continue
		}
		if err == nil && !cmp.Equal(want, got.Objects) {
			t.Errorf("%s (-library +ours):\n%s", scalar, cmp.Diff(want, got.Objects))
		}
	}
}

func TestBuildGenerates(t *testing.T) {
	b := NewBuilder(Options{})
	files := os.DirFS("testdata/trees/plain")
	got, err := b.Build(t.Context(), Request{FS: files, Path: "./"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Deployment/web", "ServiceAccount/web", "Secret/web", "Service/web", "ConfigMap/words", "Role/nested/reader"}
	if diff := cmp.Diff(want, names(got.Objects)); diff != "" {
		t.Errorf("objects in build order (-want +got):\n%s", diff)
	}
	var kinds []string
	for _, e := range got.Recording.Entries {
		kinds = append(kinds, string(e.Kind)+" "+e.Path)
	}
	for _, entry := range []string{"dir .", "dir app", "file app/list.yaml", "file nested/role.yaml", "file nested/kustomization.yaml", "absent nested/Kustomization", "absent kustomization.yaml", "absent app/kustomization.yml"} {
		if !slices.Contains(kinds, entry) {
			t.Errorf("the recording lacks %q:\n%s", entry, strings.Join(kinds, "\n"))
		}
	}
	if slices.Contains(kinds, "file app/README.md") {
		t.Error("a file that is no manifest was read")
	}
}

func TestBuildOverlay(t *testing.T) {
	base := tree{
		"kustomization.yaml": kust("resources", []string{"d.yaml", "c.yaml"}, "buildMetadata", []string{"transformerAnnotations"},
			"images", []any{map[string]any{"name": "web", "newTag": "1", "digest": "sha256:aa"}}),
		"d.yaml": object("apps/v1", "Deployment", "d", "spec", map[string]any{"template": map[string]any{
			"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "web:0"}}}}}),
		"c.yaml":                         configMap("c", "k", "v"),
		"component/kustomization.yaml":   object("kustomize.config.k8s.io/v1alpha1", "Component", "x", "resources", []string{"extra.yaml"}),
		"component/extra.yaml":           configMap("extra"),
		"generator/kustomization.yaml":   kust("configMapGenerator", []any{map[string]any{"name": "g", "literals": []string{"a=b"}}}),
		"nothing/kustomization.yaml":     object("kustomize.config.k8s.io/v1beta1", "Kustomization", "x"),
		"blank/kustomization.yaml":       "",
		"empty/README":                   "nothing to see",
		"component/unused/not-read.yaml": "a: [",
	}
	base["component/kustomization.yaml"].(map[string]any)["metadata"] = map[string]any{"name": "x"}
	image := func(objects []*unstructured.Unstructured) string {
		for _, o := range objects {
			if o.GetKind() == "Deployment" {
				list, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
				return list[0].(map[string]any)["image"].(string)
			}
		}
		return ""
	}
	cases := map[string]struct {
		why     string
		path    string
		overlay Overlay
		want    []string
		image   string
		err     string
	}{
		"Namespace":        {why: "targetNamespace is the kustomization's namespace", overlay: Overlay{TargetNamespace: "ns"}, want: []string{"Deployment/ns/d", "ConfigMap/ns/c"}},
		"Names":            {why: "prefix and suffix", overlay: Overlay{NamePrefix: "p-", NameSuffix: "-s"}, want: []string{"Deployment/p-d-s", "ConfigMap/p-c-s"}},
		"ImageTag":         {why: "a new tag drops the digest of the file", overlay: Overlay{Images: []Image{{Name: "web", NewTag: "2"}}}, image: "web:2"},
		"ImageName":        {why: "a new name keeps tag and digest", overlay: Overlay{Images: []Image{{Name: "web", NewName: "other"}}}, image: "other:1@sha256:aa"},
		"Component":        {why: "a component adds objects", overlay: Overlay{Components: []string{"component"}}, want: []string{"Deployment/d", "ConfigMap/c", "ConfigMap/extra"}},
		"MissingComponent": {why: "an absent component is an error", overlay: Overlay{Components: []string{"absent"}}, err: `component "absent" is not a directory`},
		"IgnoredComponent": {why: "unless it is to be ignored", overlay: Overlay{Components: []string{"absent"}, IgnoreMissingComponents: true}, want: []string{"Deployment/d", "ConfigMap/c"}},
		"RemoteComponent":  {why: "components are local", overlay: Overlay{Components: []string{"https://example.com/org/repo"}}, err: "components are local paths"},
		"ComponentOutside": {why: "components stay inside", overlay: Overlay{Components: []string{"../../x"}}, err: "leaves the artifact"},
		"Patch":            {why: "patches are appended", overlay: Overlay{Patches: []Patch{{Patch: string(contentOf(t, []any{map[string]any{"op": "replace", "path": "/metadata/name", "value": "z"}})), Target: &Selector{Kind: "ConfigMap"}}}}, want: []string{"Deployment/d", "ConfigMap/z"}},
		"GeneratorOnly":    {why: "no resources but a generator", path: "generator", want: []string{"ConfigMap/g-55tk5d8b9c"}},
		"NoResources":      {why: "a file that says nothing builds nothing", path: "nothing", want: []string{}},
		"BlankFile":        {why: "a blank file is like it", path: "blank", want: []string{}},
		"NoManifests":      {why: "a directory without manifests builds nothing", path: "empty", want: []string{}},
		"Nowhere":          {why: "a missing path is an error", path: "nowhere", err: "has no such directory"},
		"AFile":            {why: "a file is no directory", path: "c.yaml", err: "has no such directory"},
		"Above":            {why: "a path that leaves is an error", path: "../x", err: "leaves the artifact: a path begins at the root of the artifact"},
		"AboveBelow":       {why: "also one that leads to a folder that is there", path: "../component", err: "leaves the artifact"},
		"AboveDotted":      {why: "also where that comes late", path: "./component/../../component", err: "leaves the artifact"},
		"AboveRooted":      {why: "also behind a slash", path: "/../component", err: "leaves the artifact"},
		"Within":           {why: "but not one that returns", path: "empty/../generator", want: []string{"ConfigMap/g-55tk5d8b9c"}},
		"Link":             {why: "a link is not packed, and the reader sees one", path: "link", err: "has no such directory: symbolic links and ignored files are not part of an artifact"},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := b.Build(t.Context(), Request{FS: base.fs(t), Path: c.path, Overlay: c.overlay})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%s: want an error with %q, got %v", c.why, c.err, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			if c.want != nil {
				if diff := cmp.Diff(c.want, withoutHash(names(got.Objects), c.want)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.why, diff)
				}
			}
			if c.image != "" && image(got.Objects) != c.image {
				t.Errorf("%s: want image %q, got %q", c.why, c.image, image(got.Objects))
			}
		})
	}
}

// withoutHash forgives the content hash of a generated name.
func withoutHash(got, want []string) []string {
	out := slices.Clone(got)
	for i := range out {
		if i < len(want) && strings.HasPrefix(want[i], "ConfigMap/g-") && strings.HasPrefix(out[i], "ConfigMap/g-") {
			out[i] = want[i]
		}
	}
	return out
}

func TestBuildStampsCommonMetadata(t *testing.T) {
	files := tree{"a.yaml": configMap("a"), "b.yaml": object("apps/v1", "Deployment", "b", "spec", map[string]any{
		"selector": map[string]any{"matchLabels": map[string]any{"team": "mine"}}})}
	files["a.yaml"].(map[string]any)["metadata"].(map[string]any)["labels"] = map[string]any{"team": "mine", "kept": "yes"}
	got, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Overlay: Overlay{
		Labels: map[string]string{"team": "theirs"}, Annotations: map[string]string{"note": "${x}"},
	}, Substitution: &substitute.Variables{Values: map[string]string{"x": "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range got.Objects {
		if o.GetLabels()["team"] != "theirs" || o.GetAnnotations()["note"] != "${x}" {
			t.Errorf("%s has %v %v", nameOf(o), o.GetLabels(), o.GetAnnotations())
		}
	}
	if got.Objects[0].GetLabels()["kept"] != "yes" {
		t.Error("a label of the object's own is gone")
	}
	selector, _, _ := unstructured.NestedString(got.Objects[1].Object, "spec", "selector", "matchLabels", "team")
	if selector != "mine" {
		t.Error("common labels reached a selector")
	}
}

func TestBuildErrorsCarryAReason(t *testing.T) {
	b := NewBuilder(Options{})
	for name, c := range map[string]struct {
		why    string
		files  tree
		path   string
		reason meta.Reason
	}{
		"BrokenYAML":  {"it may be mended by the next commit", tree{"a.yaml": "a: [", "b.yaml": configMap("b")}, "", meta.ReasonBuildFailed},
		"MissingPath": {"the contract says so", tree{"a.yaml": configMap("a")}, "nowhere", meta.ReasonArtifactFailed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Build(t.Context(), Request{FS: c.files.fs(t), Path: c.path})
			if f := fault.Of(err); f == nil || f.Reason != c.reason || f.Class == fault.Of(fault.Stalled(c.reason, errors.New("x"))).Class {
				t.Errorf("%s: want a retry with %s, got %v", c.why, c.reason, err)
			}
		})
	}
}

func TestBuildIsGivenUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := NewBuilder(Options{}).Build(ctx, Request{FS: tree{"a.yaml": configMap("a")}.fs(t)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("want a cancelled build, got %v", err)
	}
}

func TestDecryptionSeesSecretsAndPatchesOnly(t *testing.T) {
	files := tree{
		"kustomization.yaml": kust("resources", []string{"a.yaml"},
			"secretGenerator", []any{map[string]any{"name": "s", "files": []string{"key=secret.txt"}, "envs": []string{"secret.env"}}},
			"configMapGenerator", []any{map[string]any{"name": "c", "files": []string{"open.txt"}}},
			"patches", []any{map[string]any{"path": "patch.yaml"}}),
		"a.yaml": configMap("a", "k", "v"), "patch.yaml": configMap("a", "k", "patched"),
		"secret.txt": "ENC", "secret.env": "A=ENC", "open.txt": "open",
	}
	asked := map[string]bool{}
	decrypt := func(name string, data []byte) ([]byte, error) {
		asked[name] = true
		return []byte(strings.ReplaceAll(string(data), "ENC", "plain")), nil
	}
	got, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Decrypt: decrypt})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"patch.yaml", "secret.env", "secret.txt"}, slices.Sorted(maps.Keys(asked))); diff != "" {
		t.Errorf("decrypted files (-want +got):\n%s", diff)
	}
	if out := asJSON(t, got.Objects); !strings.Contains(out, "cGxhaW4=") {
		t.Errorf("the secret is not decrypted: %s", out)
	}
	for _, e := range got.Recording.Entries {
		if e.Path == "secret.txt" && e.Digest != record.FileDigest([]byte("ENC")) {
			t.Error("the recording holds the digest of the plain text")
		}
	}
}

func TestAFileThatIsReadBeforeItIsKnownToBeEncrypted(t *testing.T) {
	files := tree{
		"kustomization.yaml":   kust("resources", []string{"a", "b"}),
		"a/kustomization.yaml": kust("configMapGenerator", []any{map[string]any{"name": "c", "files": []string{"../shared"}}}),
		"b/kustomization.yaml": kust("secretGenerator", []any{map[string]any{"name": "s", "files": []string{"../shared"}}}),
		"shared":               "ENC",
	}
	decrypt := func(string, []byte) ([]byte, error) { return []byte("plain"), nil }
	got, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Decrypt: decrypt})
	if err != nil {
		t.Fatal(err)
	}
	if out := asJSON(t, got.Objects); !strings.Contains(out, "cGxhaW4=") || !strings.Contains(out, "ENC") {
		t.Errorf("want the secret decrypted and the config map as it is: %s", out)
	}
}

func TestAMissingFileComesWithAHint(t *testing.T) {
	files := tree{"kustomization.yaml": kust("resources", []string{"gone.yaml"})}
	_, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t)})
	if err == nil || !strings.Contains(err.Error(), "gone.yaml") || !strings.Contains(err.Error(), "symbolic links") {
		t.Errorf("want the file and a hint, got %v", err)
	}
}

func TestErrorsHoldNoDecryptedValue(t *testing.T) {
	files := tree{
		"kustomization.yaml": kust("secretGenerator", []any{map[string]any{"name": "s", "envs": []string{"secret.env"}}}),
		"secret.env":         "ENC",
	}
	decrypt := func(string, []byte) ([]byte, error) { return []byte("bad key hunter2=\xff hunter2"), nil }
	_, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Decrypt: decrypt})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("want an error without the value, got %v", err)
	}
	decrypt = func(string, []byte) ([]byte, error) { return nil, fmt.Errorf("no key fits") }
	_, err = NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Decrypt: decrypt})
	if err == nil || !strings.Contains(err.Error(), `decrypting "secret.env": no key fits`) {
		t.Errorf("want the cause, got %v", err)
	}
}
