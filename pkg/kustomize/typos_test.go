package kustomize

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

// fileOf returns the text of files, so that a case can name lines.
func fileOf(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

const inlineObject = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}"

// TestATypoTakesNothingOutOfABuild has a case for every way in which the library
// passes over a part of a file: what is missing from a build is deleted.
func TestATypoTakesNothingOutOfABuild(t *testing.T) {
	cases := map[string]struct {
		why  string
		file string
		err  string
	}{
		"APIVersion":       {"the key is misspelt", fileOf("apiversion: v1", "kind: ConfigMap", "metadata: {name: b}"), `"b.yaml": line 1: the key "apiversion" is probably meant to be "apiVersion"`},
		"NoAPIVersion":     {"the key is not there", fileOf("# it was here", "kind: ConfigMap", "metadata: {name: b}"), `"b.yaml": line 2: the object that begins here has no apiVersion`},
		"NullAPIVersion":   {"the key has no value", fileOf("apiVersion:", "kind: ConfigMap", "metadata: {name: b}"), `"b.yaml": line 1: the object that begins here has no apiVersion`},
		"SecondAPIVersion": {"lines are those of the file", fileOf("---", "apiVersion: v1", "kind: ConfigMap", "metadata: {name: c}", "---", "api-version: v1", "kind: ConfigMap", "metadata: {name: b}"), `"b.yaml": line 6: the key "api-version"`},
		"APIVersionInList": {"an item is an object", fileOf("apiVersion: v1", "kind: List", "items:", "- apiVerison: v1", "  kind: ConfigMap", "  metadata: {name: b}"), `"b.yaml": line 4: the key "apiVerison"`},
		"Kind":             {"the key is misspelt", fileOf("apiVersion: v1", "Kind: ConfigMap", "metadata: {name: b}"), `"b.yaml": line 2: the key "Kind" is probably meant to be "kind"`},
		"Metadata":         {"the key is misspelt", fileOf("apiVersion: v1", "kind: ConfigMap", "metaData: {name: b}"), `"b.yaml": line 3: the key "metaData" is probably meant to be "metadata"`},
		"Name":             {"the key is misspelt", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata:", "  Name: b"), `"b.yaml": line 4: the key "Name" is probably meant to be "name"`},
		"GenerateName":     {"it is applied by its name", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata:", "  generateName: b-"), `"b.yaml": line 4: generateName is not supported`},
		"NoItems":          {"a List without items", fileOf("apiVersion: v1", "kind: List", "metadata: {}"), `"b.yaml": line 1: the object that begins here has no items`},
		"Item":             {"a List with items of another name", fileOf("apiVersion: v1", "kind: List", "item:", "- "+inlineObject), `"b.yaml": line 3: the objects in "item" would be ignored`},
		"ItemBesideItems":  {"a List with empty items as well", fileOf("apiVersion: v1", "kind: List", "items:", "objects:", "- "+inlineObject), `"b.yaml": line 4: the objects in "objects" would be ignored`},
		"ItemsTwice":       {"a merge left both", fileOf("apiVersion: v1", "kind: List", "items:", "- "+strings.Replace(inlineObject, "b}", "c}", 1), "items:", "- "+inlineObject), `"b.yaml": line 5: the key "items" was already set in line 3`},
		"Dots":             {"the end of a document is not the beginning of one", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: c}", "...", inlineObject), `"b.yaml": line 5: this document would be ignored`},
		"LastLine":         {"a separator without a line break", strings.TrimSpace(fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: c}", "--- "+inlineObject)), `"b.yaml": line 4: this document would be ignored`},
		"JSONLines":        {"an object a line is no YAML", fileOf(strings.Replace(inlineObject, "b}", "c}", 1), inlineObject), `"b.yaml": line 2: this document would be ignored`},
		"Separator":        {"a separator is a line", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: c}", "--- apiVersion: v1", "kind: ConfigMap", "metadata: {name: b}"), `"b.yaml": line 4: a line that begins with "---"`},
		"NoSeparator":      {"two objects are run together", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: c}", "apiVersion: v1", "kind: ConfigMap", "metadata: {name: b}"), `"b.yaml": line 4: the key "apiVersion" was already set in line 1`},
		"DataTwice":        {"a merge left both", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: b}", "data: {a: b}", "data: {c: d}"), `"b.yaml": line 5: the key "data" was already set in line 4`},
		"Words":            {"not an object", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: c}", "---", "just words"), `"b.yaml": line 5: this is not an object`},
		"Sequence":         {"not an object", fileOf("- " + inlineObject), `"b.yaml": line 1: this is not an object`},
		"Syntax":           {"lines are those of the file", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: c}", "---", "metadata: {name: b}", "\tkind: ConfigMap"), `"b.yaml": line 6: this cannot be read as YAML`},
		"Misnamed":         {"a kustomization file by another name", fileOf("apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources: []"), `"b.yaml": line 1: a kustomization file is named "kustomization.yaml"`},
		"ValuesFile":       {"YAML that is meant for something else", fileOf("image: web", "replicas: 2"), `"b.yaml": line 1: the object that begins here has no kind`},
		"NumberForName":    {"a name is text", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata:", "  name: 123"), `"b.yaml": line 4: metadata.name is not text: put it in quotes`},
		"NumberForSpace":   {"a namespace is text, and without one it would go elsewhere", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: b, namespace: 007}"), `"b.yaml": line 3: metadata.namespace is not text`},
		"NumberForVersion": {"a version is text", fileOf("apiVersion: 1", "kind: ConfigMap", "metadata: {name: b}"), `"b.yaml": line 1: apiVersion is not text`},
		"BooleanForKind":   {"a kind is text", fileOf("apiVersion: v1", "kind: true", "metadata: {name: b}"), `"b.yaml": line 2: kind is not text`},
		"BooleanLabel":     {"a label is text", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata:", "  name: b", "  labels: {x: y, canary: true}"), `"b.yaml": line 5: metadata.labels["canary"] is not text: put it in quotes`},
		"ListOfLabels":     {"labels are a map", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata:", "  name: b", "  labels: [x, y]"), `"b.yaml": line 5: metadata.labels is not a map of text`},
		"NumberForKey":     {"a key is text", fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: b}", "data: {1: x}"), `"b.yaml": line 4: a key is not text: put it in quotes`},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, b := range []*Builder{b, b.fresh()} {
				files := tree{"a.yaml": configMap("a"), "b.yaml": c.file}
				got, err := b.Build(t.Context(), Request{FS: files.fs(t)})
				if err == nil {
					t.Fatalf("%s: it was built without what is wrong: %v", c.why, names(got.Objects))
				}
				if !strings.Contains(err.Error(), c.err) || !fault.Is(err, meta.ReasonBuildFailed) {
					t.Errorf("%s: want BuildFailed with %s, got %v", c.why, c.err, err)
				}
			}
		})
	}
}

// TestAKustomizationFileCountsAsAWhole is the same for kustomization files and
// patches, in the root of a build and in a base.
func TestAKustomizationFileCountsAsAWhole(t *testing.T) {
	patched := fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: a}", "data: {x: y}", "data: {z: w}")
	cases := map[string]struct {
		why  string
		more tree
		file string
		err  string
	}{
		"ResourcesTwice": {"a merge left both", nil, fileOf("resources: [a.yaml]", "namePrefix: p-", "resources: [b.yaml]"), `kustomization.yaml": line 3: the key "resources" was already set in line 1`},
		"AnyCase":        {"the library takes a field in any case", nil, fileOf("Resources: [a.yaml]", "resources: [b.yaml]"), `kustomization.yaml": line 2: the key "resources" was already set in line 1`},
		"NestedTwice":    {"of two equal keys one is lost", nil, fileOf("resources: [a.yaml]", "commonAnnotations:", "  a: b", "  a: c"), `kustomization.yaml": line 4: the key "a" was already set in line 3`},
		"EntryTwice":     {"the entries of a list have fields", nil, fileOf("resources: [a.yaml]", "images:", "- name: x", "  newTag: v1", "  NewTag: v2"), `kustomization.yaml": line 5: the key "NewTag" was already set in line 4`},
		"TwoDocuments":   {"the second is not read", nil, fileOf("resources: [a.yaml]", "---", "resources: [b.yaml]"), `kustomization.yaml": line 3: a second document begins here`},
		"BehindNothing":  {"the first is empty, and the only one that is read", nil, fileOf("---", "---", "resources: [a.yaml]"), `kustomization.yaml": line 3: this document would be ignored`},
		"UnknownField":   {"the field is misspelt", nil, fileOf("namePrefix: p-", "resorces: [a.yaml]"), `kustomization.yaml": line 2: unknown field "resorces": write "resources"`},
		"NoSuchField":    {"there is nothing like it", nil, fileOf("resources: [a.yaml]", "helm: {}"), `kustomization.yaml": line 2: unknown field "helm"`},
		"List":           {"not a map", nil, fileOf("- a.yaml"), `kustomization.yaml": line 1: a kustomization file is a map`},
		"TwoFiles":       {"only one can count", tree{"kustomization.yml": kust("resources", []string{"b.yaml"})}, fileOf("resources: [a.yaml]"), "kustomization files"},
		"PatchTwice":     {"a patch is used as a whole, too", tree{"p.yaml": patched}, fileOf("resources: [a.yaml]", "patches: [{path: p.yaml}]"), `p.yaml": line 5: the key "data" was already set in line 4`},
		"OldPatchTwice":  {"by the old field as well", tree{"p.yaml": patched}, fileOf("resources: [a.yaml]", "patchesStrategicMerge: [p.yaml]"), `p.yaml": line 5: the key "data" was already set in line 4`},
		"InlineTwice":    {"and one that is written in place", nil, fileOf("resources: [a.yaml]", "patches:", "- patch: |-", "    "+strings.ReplaceAll(strings.TrimSpace(patched), "\n", "\n    ")), `kustomization.yaml": line 5: the key "data" was already set in line 4`},
		"OldInlineTwice": {"by the old field as well", nil, fileOf("resources: [a.yaml]", "patchesStrategicMerge:", "- |-", "  "+strings.ReplaceAll(strings.TrimSpace(patched), "\n", "\n  ")), `kustomization.yaml": line 5: the key "data" was already set in line 4`},
		"OperationTwice": {"and one of operations", nil, fileOf("resources: [a.yaml]", "patches:", "- target: {kind: ConfigMap}", "  patch: |-", "    - {op: add, path: /data, value: {}, value: {a: b}}"), `kustomization.yaml": line 1: the key "value" was already set in line 1`},
		"ResourceInBase": {"a base has objects, too", tree{"c.yaml": "apiversion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"}, fileOf("resources: [a.yaml, c.yaml]"), `c.yaml": line 1: the key "apiversion"`},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, dir := range []string{"", "base/"} {
				files := tree{dir + "a.yaml": configMap("a"), dir + "b.yaml": configMap("b"), dir + "kustomization.yaml": c.file}
				for name, content := range c.more {
					files[dir+name] = content
				}
				if dir != "" {
					files["kustomization.yaml"] = kust("resources", []string{"base"})
				}
				for _, b := range []*Builder{b, b.fresh()} {
					for _, overlay := range []Overlay{{}, {NamePrefix: "o-"}} {
						got, err := b.Build(t.Context(), Request{FS: files.fs(t), Overlay: overlay})
						if err == nil {
							t.Fatalf("%s: it was built without what is wrong: %v", c.why, names(got.Objects))
						}
						if !strings.Contains(err.Error(), c.err) || !fault.Is(err, meta.ReasonBuildFailed) {
							t.Errorf("%s: want BuildFailed with %s, got %v", c.why, c.err, err)
						}
					}
				}
			}
		})
	}
}

// TestAPatchOfTheSpecCountsAsAWhole does the same for what is laid over.
func TestAPatchOfTheSpecCountsAsAWhole(t *testing.T) {
	overlay := Overlay{Patches: []Patch{{Patch: fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: a}", "data: {x: y}", "data: {z: w}")}}}
	_, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: tree{"a.yaml": configMap("a")}.fs(t), Overlay: overlay})
	if err == nil || !strings.Contains(err.Error(), `line 5: the key "data" was already set in line 4`) {
		t.Errorf("a key stands twice in a patch: got %v", err)
	}
}

// TestWhatResemblesATypo has what is right all the same.
func TestWhatResemblesATypo(t *testing.T) {
	object := fileOf("apiVersion: v1", "kind: ConfigMap", "metadata: {name: b}")
	cases := map[string]struct {
		why   string
		files tree
		want  []string
	}{
		"Comments":       {"nothing is taken out", tree{"b.yaml": "# " + inlineObject + "\n"}, []string{"ConfigMap/a"}},
		"Separators":     {"many documents of nothing", tree{"b.yaml": "---\n---\n# x\n---\n" + object + "---\n---\n"}, []string{"ConfigMap/a", "ConfigMap/b"}},
		"End":            {"a document may be ended before the next begins", tree{"b.yaml": object + "...\n---\n" + strings.Replace(object, "b}", "c}", 1) + "...\n"}, []string{"ConfigMap/a", "ConfigMap/b", "ConfigMap/c"}},
		"CRLF":           {"lines of another system", tree{"b.yaml": strings.ReplaceAll(object+"---\n"+inlineObject, "\n", "\r\n")[:0] + strings.ReplaceAll(object, "\n", "\r\n") + "---\r\n" + strings.Replace(inlineObject, "b}", "c}", 1)}, []string{"ConfigMap/a", "ConfigMap/b", "ConfigMap/c"}},
		"JSON":           {"one object on many lines", tree{"b.yaml": "{\"apiVersion\": \"v1\",\n\"kind\": \"ConfigMap\",\n\"metadata\":\n{\"name\": \"b\"}\n}\n"}, []string{"ConfigMap/a", "ConfigMap/b"}},
		"EmptyList":      {"as it comes out of an export", tree{"b.yaml": "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: \"\"}\nitems: []\n"}, []string{"ConfigMap/a"}},
		"MergeKeys":      {"two maps are merged", tree{"b.yaml": object + "data:\n  <<: &x {a: b}\n  c: d\n"}, []string{"ConfigMap/a", "ConfigMap/b"}},
		"NoLabelValue":   {"an empty text", tree{"b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, labels: {a: }, annotations: }\n"}, []string{"ConfigMap/a", "ConfigMap/b"}},
		"AnnotationBool": {"the library makes text of it", tree{"b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, annotations: {a: true}}\n"}, []string{"ConfigMap/a", "ConfigMap/b"}},
		"Embedded":       {"a List in the text of an object", tree{"b.yaml": object + "data:\n  x: |\n    kind: List\n    items: []\n    items: []\n    ...\n"}, []string{"ConfigMap/a", "ConfigMap/b"}},
		"ListOfItsOwn":   {"a kind that ends in List and is none", tree{"b.yaml": "apiVersion: example.com/v1\nkind: AccessList\nmetadata: {name: b}\n"}, []string{"ConfigMap/a", "AccessList/b"}},
		"Anchors":        {"an alias is what it stands for", tree{"b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: b}\ndata: *m\n"}, []string{"ConfigMap/a", "ConfigMap/b"}},
		"OneDocument":    {"a kustomization file between separators", tree{"kustomization.yaml": "# x\n---\nresources: [a.yaml]\n---\n"}, []string{"ConfigMap/a"}},
		"CaseOfLabels":   {"keys of a map are what they are", tree{"kustomization.yaml": "resources: [a.yaml]\ncommonAnnotations: {a: b, A: c}\n"}, []string{"ConfigMap/a"}},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.files["a.yaml"] = configMap("a")
			got, err := b.Build(t.Context(), Request{FS: c.files.fs(t)})
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			if diff := cmp.Diff(c.want, names(got.Objects)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

// TestWhatIsMadeOfAnObjectIsOne covers what happens to an object after it is built.
func TestWhatIsMadeOfAnObjectIsOne(t *testing.T) {
	labelled := func(key, value string) map[string]any {
		obj := configMap("a")
		obj["metadata"].(map[string]any)["labels"] = kust(key, value)
		return obj
	}
	named := func(name string) map[string]any { return configMap(name) }
	cases := map[string]struct {
		why     string
		object  map[string]any
		decrypt func(*unstructured.Unstructured)
		err     string
	}{
		"Name":         {"a number", named("${number}"), nil, "metadata.name is a number, not text: put it in quotes"},
		"NoName":       {"nothing", named("${empty}"), nil, "metadata.name is missing"},
		"Label":        {"a number", labelled("a", "${number}"), nil, `metadata.labels["a"] is a number, not text: put it in quotes`},
		"Switch":       {"a boolean", labelled("a", "${yes}"), nil, `metadata.labels["a"] is a boolean, not text: put it in quotes`},
		"KeyOfASecret": {"a key from a variable is not shown", labelled("${secret}", "${number}"), nil, "an entry of metadata.labels is a number, not text"},
		"Decrypted":    {"a kind is gone", named("a"), func(obj *unstructured.Unstructured) { delete(obj.Object, "kind") }, "kind is missing"},
		"DecryptedMap": {"metadata is something else", named("a"), func(obj *unstructured.Unstructured) { obj.Object["metadata"] = []any{"hunter2"} }, "metadata is a list, not a map"},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			req := Request{FS: tree{"a.yaml": c.object}.fs(t), Substitution: &substitute.Variables{
				Values:    map[string]string{"number": "123", "yes": "true", "empty": "", "secret": "hunter2"},
				Sensitive: map[string]bool{"secret": true},
			}}
			if c.decrypt != nil {
				req.DecryptObject = func(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
					plain := obj.DeepCopy()
					c.decrypt(plain)
					return plain, nil
				}
			}
			_, err := b.Build(t.Context(), req)
			if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: want %s, got %v", c.why, c.err, err)
			}
		})
	}
}
