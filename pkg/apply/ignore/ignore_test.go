package ignore

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/capstan-gitops/capstan/apis/meta"
)

type fields = map[string]any

const ownerLabel = "example.org/owner"

func object(content fields) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": fields{"name": "web", "namespace": "shop", "labels": fields{"app": "web", ownerLabel: "me"}, "annotations": fields{"tier": "front"}},
	}}
	for key, value := range content {
		obj.Object[key] = value
	}
	return obj
}

func compile(t *testing.T, paths ...string) Paths {
	t.Helper()
	rules, err := Compile([]meta.IgnoreRule{{Paths: paths}}, ownerLabel)
	if err != nil {
		t.Fatal(err)
	}
	return rules.For(object(nil))
}

func TestTargets(t *testing.T) {
	cases := map[string]struct {
		why    string
		target *meta.Selector
		want   bool
	}{
		"None":        {"all objects", nil, true},
		"Empty":       {"an empty selector picks all", &meta.Selector{}, true},
		"Kind":        {"by kind", &meta.Selector{Kind: "Deployment"}, true},
		"Anchored":    {"a pattern is the whole text", &meta.Selector{Kind: "Deploy"}, false},
		"Alternative": {"every alternative is the whole text", &meta.Selector{Name: "we|b"}, false},
		"Pattern":     {"a regular expression", &meta.Selector{Name: "we.*", Namespace: "(shop|store)"}, true},
		"Group":       {"by group and version", &meta.Selector{Group: "apps", Version: "v1"}, true},
		"OtherGroup":  {"another group", &meta.Selector{Group: "extensions"}, false},
		"Labels":      {"by labels", &meta.Selector{LabelSelector: "app in (web,api),!x"}, true},
		"OtherLabels": {"other labels", &meta.Selector{LabelSelector: "app=api"}, false},
		"Annotations": {"annotations in the same syntax", &meta.Selector{AnnotationSelector: "tier=front"}, true},
		"All":         {"all fields have to agree", &meta.Selector{Kind: "Deployment", AnnotationSelector: "tier=back"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rules, err := Compile([]meta.IgnoreRule{{Paths: []string{"/spec/replicas"}, Target: c.target}})
			if err != nil {
				t.Fatal(err)
			}
			if got := !rules.For(object(nil)).Empty(); got != c.want {
				t.Errorf("%s: got %t", c.why, got)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	path := []string{"/spec"}
	cases := map[string]struct {
		why  string
		rule meta.IgnoreRule
		want string
	}{
		"NoPath":      {"nothing would be ignored", meta.IgnoreRule{}, "ignore[1].paths: "},
		"Root":        {"the whole object", meta.IgnoreRule{Paths: []string{"/spec", ""}}, "ignore[1].paths[1]: "},
		"Slash":       {"a field without a name", meta.IgnoreRule{Paths: []string{"/"}}, "ignore[1].paths[0]: "},
		"NoPointer":   {"not a pointer", meta.IgnoreRule{Paths: []string{"spec.replicas"}}, "ignore[1].paths[0]: "},
		"Escape":      {"half an escape", meta.IgnoreRule{Paths: []string{"/a~"}}, "ignore[1].paths[0]: "},
		"Escape2":     {"not an escape", meta.IgnoreRule{Paths: []string{"/a~0~2"}}, "ignore[1].paths[0]: "},
		"Kind":        {"identity", meta.IgnoreRule{Paths: []string{"/kind"}}, "cannot be ignored"},
		"Name":        {"identity", meta.IgnoreRule{Paths: []string{"/metadata/name"}}, "cannot be ignored"},
		"Metadata":    {"identity within", meta.IgnoreRule{Paths: []string{"/metadata"}}, "cannot be ignored"},
		"Managed":     {"the books", meta.IgnoreRule{Paths: []string{"/metadata/managedFields/0"}}, "cannot be ignored"},
		"Owner":       {"whose it is", meta.IgnoreRule{Paths: []string{"/metadata/labels/example.org~1owner"}}, "cannot be ignored"},
		"Regex":       {"a broken pattern", meta.IgnoreRule{Paths: path, Target: &meta.Selector{Name: "("}}, "ignore[1].target.name: "},
		"Labels":      {"a broken selector", meta.IgnoreRule{Paths: path, Target: &meta.Selector{LabelSelector: "a=("}}, "ignore[1].target.labelSelector: "},
		"Annotations": {"a broken selector", meta.IgnoreRule{Paths: path, Target: &meta.Selector{AnnotationSelector: ","}}, "ignore[1].target.annotationSelector: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Compile([]meta.IgnoreRule{{Paths: path}, c.rule}, ownerLabel)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want it to say %q", c.why, err, c.want)
			}
		})
	}
}

// entry is a managed fields entry with paths, each a list of names; an element
// that is a map is the key of a list item.
func entry(manager, operation string, paths ...[]any) metav1.ManagedFieldsEntry {
	set := &fieldpath.Set{}
	for _, p := range paths {
		var path fieldpath.Path
		for _, part := range p {
			switch v := part.(type) {
			case string:
				path = append(path, fieldpath.FieldNameElement(v))
			case fields:
				var pairs []any
				for name, value := range v {
					pairs = append(pairs, name, value)
				}
				path = append(path, fieldpath.KeyElementByFields(pairs...))
			}
		}
		set.Insert(path)
	}
	text, err := set.ToJSON()
	if err != nil {
		panic(err)
	}
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationType(operation), FieldsV1: metav1.NewFieldsV1(string(text)),
	}
}

func owners(t *testing.T, entries ...metav1.ManagedFieldsEntry) Owners {
	t.Helper()
	o, err := OwnersOf(entries, func(e *metav1.ManagedFieldsEntry) bool { return e.Manager == "us" && e.Operation == "Apply" })
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func path(parts ...any) []any { return parts }

func container(content ...any) fields {
	c := fields{}
	for i := 0; i < len(content); i += 2 {
		c[content[i].(string)] = content[i+1]
	}
	return c
}

func TestPayload(t *testing.T) {
	app, sidecar := fields{"name": "app"}, fields{"name": "sidecar"}
	cases := map[string]struct {
		why                 string
		paths               []string
		desired, live, want fields
		owners              []metav1.ManagedFieldsEntry
	}{
		"Adopted": {
			"nobody else applied it", []string{"/spec/replicas"},
			fields{"replicas": int64(2), "x": "new"}, fields{"replicas": int64(5), "x": "old"}, fields{"replicas": int64(5), "x": "new"},
			[]metav1.ManagedFieldsEntry{entry("us", "Apply", path("spec", "x")), entry("hpa", "Update", path("spec", "replicas"))},
		},
		"Stripped": {
			"another manager applied it", []string{"/spec/replicas"},
			fields{"replicas": int64(2), "x": "new"}, fields{"replicas": int64(5), "x": "old"}, fields{"x": "new"},
			[]metav1.ManagedFieldsEntry{entry("us", "Apply", path("spec", "x")), entry("vpa", "Apply", path("spec", "replicas"))},
		},
		"Equal": {
			"what does not differ stays ours as well", []string{"/spec/replicas"},
			fields{"replicas": int64(2)}, fields{"replicas": int64(2)}, fields{"replicas": int64(2)},
			[]metav1.ManagedFieldsEntry{entry("vpa", "Apply", path("spec", "replicas"))},
		},
		"Absent": {
			"what is not there is made", []string{"/spec/replicas"},
			fields{"replicas": int64(2)}, fields{}, fields{"replicas": int64(2)}, nil,
		},
		"NotDesired": {
			"a field that left the source and is ours alone would go; it is ignored, so it stays", []string{"/spec/replicas"},
			fields{"x": "new"}, fields{"replicas": int64(5)}, fields{"x": "new", "replicas": int64(5)},
			[]metav1.ManagedFieldsEntry{entry("us", "Apply", path("spec", "replicas"))},
		},
		"NotDesiredNotOurs": {
			"a field that is neither desired nor ours is none of our business", []string{"/spec/replicas"},
			fields{"x": "new"}, fields{"replicas": int64(5)}, fields{"x": "new"},
			[]metav1.ManagedFieldsEntry{entry("hpa", "Update", path("spec", "replicas"))},
		},
		"Subtree": {
			"every value of a subtree is decided by itself", []string{"/spec/limits"},
			fields{"limits": fields{"a": "1", "b": "1", "c": "1"}}, fields{"limits": fields{"a": "2", "b": "2", "d": "2", "e": "2"}},
			fields{"limits": fields{"a": "2", "c": "1", "d": "2"}},
			[]metav1.ManagedFieldsEntry{entry("us", "Apply", path("spec", "limits", "a"), path("spec", "limits", "d")), entry("vpa", "Apply", path("spec", "limits", "b"), path("spec", "limits", "e"))},
		},
		"AllStripped": {
			"an empty map is not left behind", []string{"/spec/limits/b"},
			fields{"limits": fields{"b": "1"}, "x": "y"}, fields{"limits": fields{"b": "2"}}, fields{"x": "y"},
			[]metav1.ManagedFieldsEntry{entry("vpa", "Apply", path("spec", "limits", "b"))},
		},
		"Escapes": {
			"names with slashes and tildes", []string{"/spec/a~1b~0c"},
			fields{"a/b~c": "1"}, fields{"a/b~c": "2"}, fields{"a/b~c": "2"}, nil,
		},
		"Item": {
			"an index counts in the source; the item is found by its key", []string{"/spec/containers/0/image"},
			fields{"containers": []any{container("name", "app", "image", "1")}},
			fields{"containers": []any{container("name", "sidecar", "image", "9"), container("name", "app", "image", "2")}},
			fields{"containers": []any{container("name", "app", "image", "2")}},
			[]metav1.ManagedFieldsEntry{entry("us", "Apply", path("spec", "containers", app, "name")), entry("mesh", "Apply", path("spec", "containers", sidecar, "image"))},
		},
		"ItemStripped": {
			"its key stays", []string{"/spec/containers/0"},
			fields{"containers": []any{container("name", "app", "image", "1")}},
			fields{"containers": []any{container("name", "app", "image", "2")}},
			fields{"containers": []any{container("name", "app")}},
			[]metav1.ManagedFieldsEntry{entry("us", "Apply", path("spec", "containers", app, "name")), entry("ci", "Apply", path("spec", "containers", app, "name"), path("spec", "containers", app, "image"))},
		},
		"List": {
			"a whole list: items by keys, ours that left the source stay", []string{"/spec/containers"},
			fields{"containers": []any{container("name", "app", "image", "1"), container("name", "new", "image", "1")}},
			fields{"containers": []any{container("name", "sidecar", "image", "9"), container("name", "old", "image", "3"), container("name", "app", "image", "2")}},
			fields{"containers": []any{container("name", "app", "image", "2"), container("name", "new", "image", "1"), container("name", "old", "image", "3")}},
			[]metav1.ManagedFieldsEntry{
				entry("us", "Apply", path("spec", "containers", app, "name"), path("spec", "containers", fields{"name": "old"}, "name"), path("spec", "containers", fields{"name": "old"}, "image")),
				entry("mesh", "Apply", path("spec", "containers", sidecar, "name"), path("spec", "containers", sidecar, "image")),
			},
		},
		"Atomic": {
			"a value that is owned as a whole is adopted as a whole", []string{"/spec/args"},
			fields{"args": []any{"a"}}, fields{"args": []any{"b", "c"}}, fields{"args": []any{"b", "c"}},
			[]metav1.ManagedFieldsEntry{entry("us", "Apply", path("spec", "args"))},
		},
		"IntoAtomic": {
			"nothing can be taken out of such a value", []string{"/spec/args/1"},
			fields{"args": []any{"a", "b"}}, fields{"args": []any{"a", "c"}}, fields{"args": []any{"a", "c"}},
			[]metav1.ManagedFieldsEntry{entry("ci", "Apply", path("spec", "args"))},
		},
		"NoSuchItem": {
			"an index that the source has not is no item", []string{"/spec/args/7", "/spec/args/-", "/spec/args/01", "/spec/x/y/z"},
			fields{"args": []any{"a"}, "x": "y"}, fields{"args": []any{"b"}}, fields{"args": []any{"a"}, "x": "y"}, nil,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			desired, live := object(fields{"spec": c.desired}), object(fields{"spec": c.live})
			kept := desired.DeepCopy()
			o := owners(t, c.owners...)
			payload := compile(t, c.paths...).Payload(desired, live, o)
			if diff := cmp.Diff(c.want, payload.Object["spec"]); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
			if diff := cmp.Diff(kept, desired); diff != "" {
				t.Errorf("the desired object was changed: %s", diff)
			}
		})
	}
}

// TestOwnerLabels keeps the labels that say whose an object is, also when all
// labels are ignored.
func TestOwnerLabels(t *testing.T) {
	p := compile(t, "/metadata/labels")
	desired, live := object(nil), object(nil)
	live.SetLabels(map[string]string{"app": "other", ownerLabel: "you"})
	got := p.Payload(desired, live, owners(t))
	if diff := cmp.Diff(map[string]string{"app": "other", ownerLabel: "me"}, got.GetLabels()); diff != "" {
		t.Error(diff)
	}
	masked := p.Mask(desired, live, desired, owners(t))
	if diff := cmp.Diff(map[string]string{"app": "other", ownerLabel: "me"}, masked.GetLabels()); diff != "" {
		t.Errorf("a changed owner is a difference: %s", diff)
	}
	if p.Covers(desired, fieldpath.NewSet(fieldpath.MakePathOrDie("metadata", "labels", ownerLabel))) {
		t.Error("the owner label may be lost")
	}
	if !p.Covers(desired, fieldpath.NewSet(fieldpath.MakePathOrDie("metadata", "labels", "app"))) {
		t.Error("an ignored label may not be lost")
	}
}

func TestMask(t *testing.T) {
	byName := entry("us", "Apply", path("spec", "containers", fields{"name": "app"}, "name"))
	cases := map[string]struct {
		why                         string
		paths                       string
		desired, live, answer, want fields
	}{
		"Value":   {"an ignored value is that of the live object", "/spec/a", fields{"a": "1"}, fields{"a": "2", "b": "2"}, fields{"a": "1", "b": "1"}, fields{"a": "2", "b": "1"}},
		"Added":   {"what would be added is no difference", "/spec/a", fields{"a": "1"}, fields{}, fields{"a": "1"}, fields{}},
		"Removed": {"nor what would be removed", "/spec/a/b", fields{}, fields{"a": fields{"b": "2"}}, fields{}, fields{"a": fields{"b": "2"}}},
		"Item": {
			"items are found by keys in both", "/spec/containers/0/image",
			fields{"containers": []any{container("name", "app", "image", "1")}},
			fields{"containers": []any{container("name", "x", "image", "8"), container("name", "app", "image", "2")}},
			fields{"containers": []any{container("name", "app", "image", "1"), container("name", "x", "image", "9")}},
			fields{"containers": []any{container("name", "app", "image", "2"), container("name", "x", "image", "9")}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			masked := compile(t, c.paths).Mask(object(fields{"spec": c.desired}), object(fields{"spec": c.live}), object(fields{"spec": c.answer}), owners(t, byName))
			if diff := cmp.Diff(c.want, masked.Object["spec"]); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	desired := object(fields{"spec": fields{"containers": []any{container("name", "b", "image", "1"), container("name", "a", "image", "1")}}})
	p := compile(t, "/spec/replicas", "/spec/containers/1/image")
	cases := map[string]struct {
		why  string
		path fieldpath.Path
		want bool
	}{
		"Exact":  {"the field", fieldpath.MakePathOrDie("spec", "replicas"), true},
		"Below":  {"something in it", fieldpath.MakePathOrDie("spec", "replicas", "x"), true},
		"Above":  {"the field is a part of it", fieldpath.MakePathOrDie("spec"), false},
		"Other":  {"another field", fieldpath.MakePathOrDie("spec", "paused"), false},
		"Item":   {"an item by its key", fieldpath.MakePathOrDie("spec", "containers", fieldpath.KeyByFields("name", "a"), "image"), true},
		"Item2":  {"another item", fieldpath.MakePathOrDie("spec", "containers", fieldpath.KeyByFields("name", "b"), "image"), false},
		"Field2": {"another field of the item", fieldpath.MakePathOrDie("spec", "containers", fieldpath.KeyByFields("name", "a"), "name"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := p.Covers(desired, fieldpath.NewSet(c.path)); got != c.want {
				t.Errorf("%s: got %t", c.why, got)
			}
		})
	}
	if !p.Covers(desired, &fieldpath.Set{}) {
		t.Error("nothing is covered")
	}
}
