package dropped_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/dropped"
)

func answer(message string) error {
	return fmt.Errorf("dry-run: %w", &apierrors.StatusError{ErrStatus: metav1.Status{Message: message}})
}

func TestNamed(t *testing.T) {
	const object = "failed to create typed patch object (shop/x; apps/v1, Kind=Deployment): "
	cases := map[string]struct {
		why string
		err error
		out []string
	}{
		"One":    {"a single one stands in the line", answer(object + ".spec.replica: field not declared in schema"), []string{".spec.replica"}},
		"Other":  {"a wrong type is no unknown field", answer(object + ".spec.replicas: expected numeric (int or float), got string"), nil},
		"Mixed":  {"several have lines of their own, sorted", answer(object + "errors:\n  .spec.b: field not declared in schema\n  .spec.c: expected string\n  .spec.a: field not declared in schema"), []string{".spec.a", ".spec.b"}},
		"Live":   {"what is wrong with the live object is not ours to drop", answer("failed to create typed live object (x): .spec.replica: field not declared in schema"), nil},
		"Strict": {"a creation names them in a sentence", answer(`Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.b", unknown field "spec.a[0].\"x"`), []string{`.spec.a[0]."x`, ".spec.b"}},
		"Long":   {"a path that is too long stays refused", answer(object + "." + strings.Repeat("x", 2000) + ": field not declared in schema"), []string{}},
		"NotAPI": {"only the server knows its schema", errors.New(object + ".spec.replica: field not declared in schema"), nil},
		"None":   {"nothing was refused", nil, nil},
	}
	for name, c := range cases {
		if diff := cmp.Diff(c.out, dropped.Named(c.err)); diff != "" {
			t.Errorf("%s: %s: %s", name, c.why, diff)
		}
	}
	for n, want := range map[int]int{64: 64, 65: 0, 1000: 0} {
		lines, strict := object+"errors:\n", "strict decoding error: "
		for i := range n {
			lines += fmt.Sprintf("  .spec.x%d: field not declared in schema\n", i)
			strict += fmt.Sprintf("unknown field \"spec.x%d\", ", i)
		}
		if got := dropped.Named(answer(lines)); len(got) != want {
			t.Errorf("of %d fields: got %d", n, len(got))
		}
		if got := dropped.Named(answer(strict)); len(got) != want {
			t.Errorf("of %d fields in a sentence: got %d", n, len(got))
		}
	}
}

func TestWithout(t *testing.T) {
	type fields = map[string]any
	build := func() fields {
		return fields{"kind": "x", "spec": fields{
			"replica": int64(3), "a.b": fields{"c": "1"}, "a": fields{"b": fields{"d": "9"}},
			"list":  []any{fields{"name": "one", "bad": "1"}, fields{"name": `t"w,o]`, "bad": "1"}},
			"ports": []any{fields{"port": int64(80), "bad": "1"}, fields{"port": int64(80), "protocol": "UDP", "bad": "1"}},
		}}
	}
	cases := map[string]struct {
		why, path, gone string
		found           bool
	}{
		"Name":    {"a name", ".spec.replica", "replica:3", true},
		"Dots":    {"a name with dots, beside one without", ".spec.a.b.c", "c:1", true},
		"Nested":  {"the other of the two", ".spec.a.b.d", "d:9", true},
		"Key":     {"an item by its key", `.spec.list[name="one"].bad`, "bad:1 name:one", true},
		"Quoted":  {"a key's value has any characters", `.spec.list[name="t\"w,o]"].bad`, `bad:1 name:t"w,o]`, true},
		"Index":   {"an item by its index", ".spec.list[0].bad", "bad:1 name:one", true},
		"Default": {"a key that is left to its default", `.spec.ports[port=80,protocol="TCP"].bad`, "map[bad:1 port:80]", true},
		"Absent":  {"what is not there", ".spec.none", "", false},
		"Item":    {"no such item", `.spec.list[name="none"].bad`, "", false},
		"Open":    {"no path at all", ".spec.list[name=", "", false},
		"Root":    {"neither", "", "", false},
	}
	for name, c := range cases {
		obj := &unstructured.Unstructured{Object: build()}
		less, found := dropped.Without(obj, []string{c.path})
		if (len(found) == 1) != c.found || c.found && strings.Contains(fmt.Sprint(less.Object), c.gone) {
			t.Errorf("%s: %s: found %v, left %v", name, c.why, found, less.Object)
		}
		if diff := cmp.Diff(build(), obj.Object); diff != "" {
			t.Errorf("%s: the object itself was changed: %s", name, diff)
		}
		if diff := cmp.Diff(build(), less.Object); !c.found && diff != "" {
			t.Errorf("%s: %s: removed %s", name, c.why, diff)
		}
	}
}

func TestOwned(t *testing.T) {
	type fields = map[string]any
	obj := &unstructured.Unstructured{Object: fields{"kind": "x", "metadata": fields{"name": "x", "uid": "1", "resourceVersion": "7", "ownerReferences": []any{}}}}
	before := obj.DeepCopy()
	less, paths := dropped.Owned(obj)
	if diff := cmp.Diff([]string{".metadata.resourceVersion", ".metadata.uid"}, paths); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(fields{"kind": "x", "metadata": fields{"name": "x", "ownerReferences": []any{}}}, less.Object); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, obj); diff != "" {
		t.Errorf("the object itself was changed: %s", diff)
	}
	if same, none := dropped.Owned(less); same != less || none != nil {
		t.Errorf("from an object without: %v", none)
	}
	if _, none := dropped.Owned(&unstructured.Unstructured{Object: fields{"metadata": "x"}}); none != nil {
		t.Errorf("from an object that is none: %v", none)
	}
}

func TestReport(t *testing.T) {
	owned := []string{".metadata.uid", ".metadata.resourceVersion", ".metadata.generation", ".metadata.selfLink"}
	for name, c := range map[string]struct {
		why       string
		fields    dropped.Fields
		sensitive bool
		want      []string
		unknown   bool
	}{
		"None":      {"nothing was taken out", dropped.Fields{}, false, nil, false},
		"Owned":     {"metadata, sorted", dropped.Fields{Owned: owned[:2]}, false, []string{".metadata.resourceVersion", ".metadata.uid"}, false},
		"Both":      {"what is a mistake comes first, and five are enough", dropped.Fields{Owned: owned, Unknown: []string{".spec.b", ".spec.a", ".spec.b"}}, false, []string{".spec.a", ".spec.b", ".metadata.generation", ".metadata.resourceVersion", ".metadata.selfLink", "and 1 more"}, true},
		"Metadata":  {"metadata has unknown fields as well", dropped.Fields{Unknown: []string{".metadata.owner"}}, false, []string{".metadata.owner"}, true},
		"Sensitive": {"a name may be a secret value", dropped.Fields{Owned: owned[:1], Unknown: []string{`.spec.list[name="canary"].canary`, ".spec.canary", ".canary"}}, true, []string{".[…]", ".spec.[…]", ".spec.list.[…]", ".metadata.uid"}, true},
		"Hostile":   {"a name is as long as the source makes it, and may hold anything", dropped.Fields{Unknown: []string{".spec.\x1b" + strings.Repeat("x", 1000)}}, false, nil, true},
	} {
		got := c.fields.Report(c.sensitive)
		if name == "Hostile" {
			if len(got[0]) > 128 || strings.Contains(got[0], "\x1b") {
				t.Errorf("%s: got %q", c.why, got)
			}
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s: %s", name, c.why, diff)
		}
		if dropped.HasUnknown(got) != c.unknown {
			t.Errorf("%s: %s: unknown is not %t", name, c.why, c.unknown)
		}
	}
}
