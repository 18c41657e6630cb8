package manifest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	obj.SetAPIVersion(apiVersion)
	obj.SetKind(kind)
	obj.SetName(name)
	obj.SetNamespace(namespace)
	return obj
}

func text(t *testing.T, values ...any) string {
	t.Helper()
	var b strings.Builder
	for _, v := range values {
		data, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("---\n" + string(data))
	}
	return b.String()
}

func names(objects []*unstructured.Unstructured) []string {
	var out []string
	for _, o := range objects {
		out = append(out, o.GetKind()+"/"+o.GetName())
	}
	return out
}

func TestDecode(t *testing.T) {
	a, b := object("v1", "ConfigMap", "", "a").Object, object("v1", "Secret", "", "b").Object
	list := map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{a, b}}
	nested := list
	for range 6 {
		nested = map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{nested}}
	}
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		prev, next := string(rune('0'+i)), string(rune('1'+i))
		laughs += "a" + next + ": &a" + next + " [" + strings.TrimSuffix(strings.Repeat("*a"+prev+", ", 10), ", ") + "]\n"
	}
	cases := map[string]struct {
		why, in string
		want    []string
		err     string
	}{
		"Stream":        {"documents in order", text(t, a, b), []string{"ConfigMap/a", "Secret/b"}, ""},
		"JSON":          {"is YAML", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`, []string{"ConfigMap/a"}, ""},
		"List":          {"is expanded in place", text(t, list, a), []string{"ConfigMap/a", "Secret/b", "ConfigMap/a"}, ""},
		"Empty":         {"documents are left out", "---\n---\n# nothing\n---\n", nil, ""},
		"Kustomization": {"files are left out", text(t, map[string]any{"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}), nil, ""},
		"NotAnObject":   {"is left out", "a: b\n---\n- x\n---\njust words\n", nil, ""},
		"NoName":        {"is an error that counts documents", text(t, a, map[string]any{"apiVersion": "v1", "kind": "Secret"}), nil, "document 2: Secret has no metadata.name"},
		"Duplicate":     {"keys are an error", "kind: A\nkind: B\n", nil, "already set in map"},
		"Broken":        {"YAML is an error", "a: [", nil, "document 1"},
		"Tabs":          {"are an error", "a:\n\tb: c\n", nil, "cannot start any token"},
		"NotUTF8":       {"is an error", "a: \xff\n", nil, "UTF-8"},
		"Deep":          {"is refused before it is parsed", "a: " + strings.Repeat("[", 100_000), nil, "nested more than 512"},
		"DeepDashes":    {"likewise", "a:\n" + strings.Repeat("- ", 100_000), nil, "nested more than 512"},
		"Laughs":        {"aliases are bounded", laughs, nil, "excessive aliasing"},
		"NestedLists":   {"are bounded", text(t, nested), nil, "lists are nested"},
		"ByteOrderMark": {"is skipped", "\ufeff" + text(t, a)[4:], []string{"ConfigMap/a"}, ""},
		"BigScalar":     {"is bounded", "a: " + strings.Repeat("x", 17<<20), nil, "more than the limit"},
		"ItemNoObject":  {"is an error", text(t, map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{"x"}}), nil, "item 0 of List"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(c.in), Limits{})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%s: want %q, got %v", c.why, c.err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, names(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
	if _, err := Decode([]byte(text(t, a, b)), Limits{Objects: 1}); err == nil {
		t.Error("the number of objects is not bounded")
	}
}

func TestEncodeAndDigest(t *testing.T) {
	a := object("v1", "ConfigMap", "ns", "a")
	a.Object["data"] = map[string]any{"z": "<&>", "n": int64(1), "f": 1.5}
	data, err := Encode([]*unstructured.Unstructured{a, object("v1", "Secret", "", "b")})
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data, Limits{})
	if err != nil || len(back) != 2 {
		t.Fatalf("want two objects back, got %d, %v", len(back), err)
	}
	if diff := cmp.Diff(a.Object, back[0].Object); diff != "" {
		t.Errorf("written and read (-want +got):\n%s", diff)
	}
	one, _ := Digest(a)
	two, _ := Digest(back[0])
	back[0].SetName("other")
	three, _ := Digest(back[0])
	if one != two || one == three || !strings.HasPrefix(one, "sha256:") {
		t.Errorf("digests %s %s %s", one, two, three)
	}
	if canonical, _ := Canonical(a); !strings.Contains(string(canonical), `"z":"<&>"`) {
		t.Errorf("canonical JSON is escaped: %s", canonical)
	}
}

func TestSort(t *testing.T) {
	want := []*unstructured.Unstructured{
		object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "z"),
		object("v1", "Namespace", "", "a"),
		object("v1", "Namespace", "", "b"),
		object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "a"),
		object("v1", "ServiceAccount", "a", "b"),
		object("v1", "ServiceAccount", "b", "a"),
		object("v1", "Secret", "", "a"),
		object("apps/v1", "Deployment", "", "a"),
		object("policy/v1", "PodDisruptionBudget", "", "a"),
		object("v1", "Pod", "z", "z"),
		object("apps/v1", "DaemonSet", "", "z"),
		object("example.com/v1", "A", "", "z"),
		object("example.com/v1", "B", "", "a"),
		object("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "a"),
		object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "a"),
	}
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // a test wants the same numbers again
	for range 50 {
		got := slices.Clone(want)
		r.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("order (-want +got):\n%s", diff)
		}
	}
	if !slices.IsSortedFunc(want, Compare) {
		t.Error("Compare and Sort disagree")
	}
	pod, widget := Rank(schema.GroupKind{Kind: "Pod"}), Rank(schema.GroupKind{Group: "example.com", Kind: "Widget"})
	if pod != widget || pod <= Rank(schema.GroupKind{Group: "policy", Kind: "PodDisruptionBudget"}) {
		t.Error("kinds of no particular rank share one after the early ones")
	}
}

func TestMasked(t *testing.T) {
	secret := object("v1", "Secret", "", "s")
	secret.Object["data"] = map[string]any{"a": "aHVudGVy"}
	secret.Object["stringData"] = map[string]any{"b": "hunter"}
	secret.SetAnnotations(map[string]string{lastApplied: "hunter", "kept": "yes"})
	shown := Masked(secret)
	data, _ := Canonical(shown)
	if strings.Contains(string(data), "hunter") || strings.Contains(string(data), "aHVudGVy") || !strings.Contains(string(data), `"kept":"yes"`) {
		t.Errorf("shown: %s", data)
	}
	if secret.Object["data"].(map[string]any)["a"] != "aHVudGVy" {
		t.Error("the secret itself was changed")
	}
	odd := object("v1", "Secret", "", "s")
	odd.Object["data"] = "hunter"
	if Masked(odd).Object["data"] != Mask {
		t.Error("odd data is shown")
	}
	other := object("example.com/v1", "Secret", "", "s")
	if Masked(other) != other {
		t.Error("only core Secrets are masked")
	}
}

func TestDedupe(t *testing.T) {
	first, second := object("v1", "ConfigMap", "", "a"), object("v1", "ConfigMap", "", "a")
	other := object("v1", "ConfigMap", "ns", "a")
	got := Dedupe([]*unstructured.Unstructured{first, other, second})
	if len(got) != 2 || got[0] != second || got[1] != other {
		t.Errorf("want the last in the place of the first, got %v", names(got))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := Decode(data, Limits{Bytes: 1 << 16})
		if err != nil {
			return
		}
		for _, o := range objects {
			if o.GetKind() == "" || o.GetName() == "" || o.GetAPIVersion() == "" {
				t.Errorf("an object without identity: %v", o.Object)
			}
		}
		Sort(objects)
		if _, err := Encode(objects); err != nil {
			t.Error(err)
		}
	})
}
