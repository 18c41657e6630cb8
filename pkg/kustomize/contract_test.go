package kustomize

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

// at reads a field of an object by its path.
func at(obj *unstructured.Unstructured, fields ...string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, fields...)
	return value
}

// TestFieldsOfTheContract has a case for what a kustomization file, or the spec
// that is laid over it, can ask of a build.
func TestFieldsOfTheContract(t *testing.T) {
	deployment := object("apps/v1", "Deployment", "d", "spec", kust("replicas", 1, "template", kust("spec", kust("containers", []any{kust("name", "c", "image", "web:1")}))))
	files := func(k map[string]any) tree {
		return tree{"kustomization.yaml": k, "d.yaml": deployment, "c.yaml": configMap("c", "k", "v"),
			"merge.yaml": configMap("c", "k", "merged"), "json.yaml": []any{kust("op", "replace", "path", "/data/k", "value", "replaced")}}
	}
	list := []string{"d.yaml", "c.yaml"}
	target := kust("version", "v1", "kind", "ConfigMap", "name", "c")
	cases := map[string]struct {
		why     string
		file    map[string]any
		overlay Overlay
		object  int
		field   []string
		want    any
	}{
		"PatchesStrategicMerge":  {"the old field", kust("resources", list, "patchesStrategicMerge", []string{"merge.yaml"}), Overlay{}, 1, []string{"data", "k"}, "merged"},
		"PatchesStrategicInline": {"written in place", kust("resources", list, "patchesStrategicMerge", []string{string(contentOf(t, configMap("c", "k", "inline")))}), Overlay{}, 1, []string{"data", "k"}, "inline"},
		"PatchesJson6902":        {"the old field", kust("resources", list, "patchesJson6902", []any{kust("target", target, "path", "json.yaml")}), Overlay{}, 1, []string{"data", "k"}, "replaced"},
		"Patches":                {"strategic, by file", kust("resources", list, "patches", []any{kust("path", "merge.yaml")}), Overlay{}, 1, []string{"data", "k"}, "merged"},
		"SpecPatchStrategic":     {"found by its name", kust("resources", list), Overlay{Patches: []Patch{{Patch: string(contentOf(t, configMap("c", "k", "spec")))}}}, 1, []string{"data", "k"}, "spec"},
		"SpecPatchLast":          {"after those of the file", kust("resources", list, "patches", []any{kust("path", "merge.yaml")}), Overlay{Patches: []Patch{{Patch: string(contentOf(t, configMap("c", "k", "spec")))}}}, 1, []string{"data", "k"}, "spec"},
		"SpecPatchByLabel":       {"a selector that selects nothing", kust("resources", list), Overlay{Patches: []Patch{{Patch: string(contentOf(t, configMap("x", "k", "no"))), Target: &Selector{Kind: "ConfigMap", LabelSelector: "a=b"}}}}, 1, []string{"data", "k"}, "v"},
		"SpecPatchByRegex":       {"names are patterns", kust("resources", list), Overlay{Patches: []Patch{{Patch: string(contentOf(t, configMap("x", "k", "yes"))), Target: &Selector{Kind: "Config.*", Name: "c|x"}}}}, 1, []string{"data", "k"}, "yes"},
		"SpecNamespaceWins":      {"over that of the file", kust("resources", list, "namespace", "file"), Overlay{TargetNamespace: "spec"}, 0, []string{"metadata", "namespace"}, "spec"},
		"SpecPrefixWins":         {"over that of the file", kust("resources", list, "namePrefix", "file-"), Overlay{NamePrefix: "spec-"}, 0, []string{"metadata", "name"}, "spec-d"},
		"SpecSuffixWins":         {"over that of the file", kust("resources", list, "nameSuffix", "-file"), Overlay{NameSuffix: "-spec"}, 0, []string{"metadata", "name"}, "d-spec"},
		"BuildMetadata":          {"origins are written down", kust("resources", list), Overlay{BuildMetadata: []string{"originAnnotations"}}, 1, []string{"metadata", "annotations"}, map[string]any{"config.kubernetes.io/origin": "path: c.yaml\n"}},
		"BuildMetadataReplaces":  {"that of the file is gone", kust("resources", list, "namePrefix", "p-", "buildMetadata", []string{"transformerAnnotations"}), Overlay{BuildMetadata: []string{"originAnnotations"}}, 1, []string{"metadata", "annotations"}, map[string]any{"config.kubernetes.io/origin": "path: c.yaml\n"}},
		"BuildMetadataKept":      {"unless the spec has none", kust("resources", list, "buildMetadata", []string{"originAnnotations"}), Overlay{}, 1, []string{"metadata", "annotations"}, map[string]any{"config.kubernetes.io/origin": "path: c.yaml\n"}},
		"ImageAdded":             {"an image the file does not name", kust("resources", list, "images", []any{kust("name", "other", "newTag", "9")}), Overlay{Images: []Image{{Name: "web", NewTag: "2"}}}, 0, []string{"spec", "template", "spec", "containers"}, []any{kust("name", "c", "image", "web:2")}},
		"ImageDigest":            {"a digest drops the tag of the file", kust("resources", list, "images", []any{kust("name", "web", "newTag", "9", "newName", "w")}), Overlay{Images: []Image{{Name: "web", Digest: "sha256:aa"}}}, 0, []string{"spec", "template", "spec", "containers"}, []any{kust("name", "c", "image", "w@sha256:aa")}},
		"Replicas":               {"a number by name", kust("resources", list, "replicas", []any{kust("name", "d", "count", 5)}), Overlay{}, 0, []string{"spec", "replicas"}, int64(5)},
		"Bases":                  {"the old field for directories", kust("bases", []string{"base"}), Overlay{NamePrefix: "p-"}, 0, []string{"metadata", "name"}, "p-b"},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tree := files(c.file)
			tree["base/kustomization.yaml"], tree["base/b.yaml"] = kust("resources", []string{"b.yaml"}), configMap("b")
			got, err := b.Build(t.Context(), Request{FS: tree.fs(t), Overlay: c.overlay})
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			if diff := cmp.Diff(c.want, at(got.Objects[c.object], c.field...)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

func TestWhatIsNoObject(t *testing.T) {
	cases := map[string]struct {
		why   string
		files tree
		want  []string
		err   string
	}{
		"Lists":         {"are expanded", tree{"l.yaml": object("v1", "List", "", "items", []any{configMap("a"), configMap("b")})}, []string{"ConfigMap/a", "ConfigMap/b"}, ""},
		"ListsOfKind":   {"also those of one kind", tree{"l.yaml": object("v1", "ConfigMapList", "", "items", []any{configMap("a")})}, []string{"ConfigMap/a"}, ""},
		"Kustomization": {"by another file name is dropped", tree{"k.yaml": object("kustomize.config.k8s.io/v1beta1", "Kustomization", "k"), "a.yaml": configMap("a")}, []string{"ConfigMap/a"}, ""},
		"Blank":         {"comments are nothing", tree{"x.yaml": "# nothing\n---\n", "a.yaml": configMap("a")}, []string{"ConfigMap/a"}, ""},
		"LocalConfig":   {"is for tools", tree{"a.yaml": configMap("a"), "b.yaml": kust("apiVersion", "v1", "kind", "ConfigMap", "metadata", kust("name", "b", "annotations", kust("config.kubernetes.io/local-config", "true")))}, []string{"ConfigMap/a"}, ""},
		"Values":        {"other YAML has no place in a generated build", tree{"values.yaml": kust("image", "web"), "a.yaml": configMap("a")}, nil, "values.yaml"},
		"NoKind":        {"nor has an object without a kind", tree{"x.yaml": kust("apiVersion", "v1", "metadata", kust("name", "x"))}, nil, "kind"},
		"NoName":        {"nor one without a name", tree{"x.yaml": kust("apiVersion", "v1", "kind", "ConfigMap", "metadata", kust("generateName", "x-"))}, nil, "name"},
		"Twice":         {"one object twice is an error", tree{"a.yaml": configMap("a"), "b.yaml": configMap("a")}, nil, "already registered id: ConfigMap.v1.[noGrp]/a"},
		"TwoNamespaces": {"but not in two namespaces", tree{"a.yaml": kust("apiVersion", "v1", "kind", "ConfigMap", "metadata", kust("name", "a", "namespace", "x")), "b.yaml": configMap("a")}, []string{"ConfigMap/x/a", "ConfigMap/a"}, ""},
		"Secrets":       {"errors do not show values", tree{"s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  a: \"hunter2\n  b: [hunter2\n"}, nil, "s.yaml"},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, b := range []*Builder{b, b.fresh()} {
				got, err := b.Build(t.Context(), Request{FS: c.files.fs(t)})
				if c.err != "" {
					if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "hunter2") {
						t.Errorf("%s: want %q, got %v", c.why, c.err, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", c.why, err)
				}
				if diff := cmp.Diff(c.want, names(got.Objects)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.why, diff)
				}
			}
		})
	}
}

// TestSubstitutionOfBuiltObjects covers what is replaced, what is left alone,
// and that the same comes out every time.
func TestSubstitutionOfBuiltObjects(t *testing.T) {
	crd := object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.com", "spec", kust("schema", kust("pattern", `^[a-z]+$`, "also", `^\$?\{.*$`, "ref", "#/$defs/x")))
	optOut := configMap("out", "k", "${region}")
	optOut["metadata"].(map[string]any)["annotations"] = kust("example.org/substitute", substitute.Disabled)
	files := tree{
		"crd.yaml": crd, "out.yaml": optOut,
		"a.yaml": object("example.com/v1", "Widget", "a", "spec", kust("number", "${number}", "text", "${quoted}", "flag", "${flag}", "big", 9007199254740993, "float", 0.5,
			"nested", "${absent:=${region}-${number}}", "price", "$$5 $$${number}", "shell", "$HOME $(pwd) $1", "keys", kust("${region}", "x"))),
		"secret.yaml": object("v1", "ConfigMap", "s", "data", kust("k", "${password}")),
		"real.yaml":   object("v1", "Secret", "real", "stringData", kust("k", "x")),
	}
	req := Request{FS: files.fs(t), Substitution: &substitute.Variables{
		OptOut: "example.org/substitute",
		Values: map[string]string{"number": "3", "quoted": `"4"`, "flag": "true", "region": "eu\n-west", "password": "hunter2"}, Strict: true,
		Sensitive: map[string]bool{"password": true},
	}}
	b := NewBuilder(Options{})
	first := ""
	for range 3 {
		for _, b := range []*Builder{b, b.fresh()} {
			got, err := b.Build(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if text := asJSON(t, got.Objects); first == "" {
				first = text
			} else if text != first {
				t.Fatalf("the same build gives two results:\n%s", cmp.Diff(first, text))
			}
			want := kust("number", int64(3), "text", "4", "flag", true, "big", int64(9007199254740993), "float", 0.5,
				"nested", "eu-west-3", "price", "$5 $3", "shell", "$HOME $(pwd) $1", "keys", kust("eu-west", "x"))
			if diff := cmp.Diff(want, got.Objects[0].Object["spec"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			sensitive := map[string]bool{}
			for _, obj := range got.Objects {
				sensitive[nameOf(obj)] = got.Sensitive(obj)
			}
			secret := map[string]bool{"Widget/a": false, "CustomResourceDefinition/widgets.example.com": false, "ConfigMap/out": false, "Secret/real": true, "ConfigMap/s": true}
			if diff := cmp.Diff(secret, sensitive); diff != "" {
				t.Errorf("sensitive objects (-want +got):\n%s", diff)
			}
			if text, err := json.Marshal(at(got.Objects[1], "spec")); err != nil || string(text) != `{"schema":{"also":"^\\$?\\{.*$","pattern":"^[a-z]+$","ref":"#/$defs/x"}}` {
				t.Errorf("the definition changed: %s", text)
			}
			if at(got.Objects[2], "data", "k") != "${region}" {
				t.Error("an object that opts out was changed")
			}
		}
	}
}

func TestWhatWasDecryptedIsSensitive(t *testing.T) {
	files := tree{
		"kustomization.yaml": kust("resources", []string{"a.yaml", "b.yaml"}),
		"a.yaml":             configMap("a", "k", "ENC"), "b.yaml": configMap("b", "k", "open"),
	}
	inPlace := func(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		if at(obj, "data", "k") == "ENC" {
			return obj, unstructured.SetNestedField(obj.Object, "plain", "data", "k")
		}
		return obj, nil
	}
	b := NewBuilder(Options{})
	for _, b := range []*Builder{b, b.fresh()} {
		got, err := b.Build(t.Context(), Request{FS: files.fs(t), DecryptObject: inPlace})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Sensitive(got.Objects[0]) || got.Sensitive(got.Objects[1]) {
			t.Error("want the decrypted object to be sensitive, and the other one not")
		}
		if got.Identity(got.Objects[0]) != "" {
			t.Error("a decrypted object has an identity that does not know what it was decrypted to")
		}
	}
	files["kustomization.yaml"] = kust("resources", []string{"b.yaml"}, "patches", []any{kust("path", "patch.yaml")})
	files["patch.yaml"] = configMap("b", "k", "ENC")
	decrypt := func(_ string, data []byte) ([]byte, error) {
		return []byte(strings.ReplaceAll(string(data), "ENC", "plain")), nil
	}
	got, err := b.Build(t.Context(), Request{FS: files.fs(t), Decrypt: decrypt})
	if err != nil || !got.Sensitive(got.Objects[0]) {
		t.Errorf("a decrypted patch may be in any object: %v", err)
	}
}
