package piece

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/kyaml/kio"
)

// texts returns the documents of a file as the library sees them.
func texts(t *testing.T, data []byte) []string {
	t.Helper()
	nodes, err := kio.FromBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, n := range nodes {
		out = append(out, n.MustString())
	}
	return out
}

func TestPartsHoldTheDocumentsOfTheirFile(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a test wants the same numbers again
	for range 60 {
		var b strings.Builder
		for i := range 90 + r.IntN(300) {
			b.WriteString([]string{"---\n", "---\n", "--- # note\n", "---\n---\n", "---\n# only a note\n---\n"}[r.IntN(5)])
			fmt.Fprintf(&b, "kind: A%d\nmetadata: {name: n%d}\ntext: |\n  %d\n\n", i, i, r.IntN(10))
		}
		text := b.String()
		switch r.IntN(4) {
		case 0:
			text = strings.TrimPrefix(text, "---\n")
		case 1:
			text = strings.ReplaceAll(text, "\n", "\r\n")
		case 2:
			text = strings.TrimRight(text, "\n")
		}
		var got []string
		parts := cutter{Run}.partsOf(leaf{name: "x.yaml"}, []byte(text))
		for _, p := range parts {
			got = append(got, texts(t, p.data)...)
		}
		if diff := cmp.Diff(texts(t, []byte(text)), got); diff != "" {
			t.Fatalf("(-file +parts):\n%s", diff)
		}
		if len(parts) < 2 && strings.Count(text, "kind:") > Run {
			t.Error("a large file stayed whole")
		}
	}
}

func TestFilesThatStayWhole(t *testing.T) {
	small := bytes.Repeat([]byte("---\nkind: A\n"), Run/2)
	list := append(bytes.Repeat([]byte("---\nkind: A\n"), 2*Run), "---\nkind: AList\n"...)
	for why, data := range map[string][]byte{"few documents": small, "a list is expanded behind all others": list} {
		parts := cutter{Run}.partsOf(leaf{}, data)
		if len(parts) != 1 || !bytes.Equal(parts[0].data, data) {
			t.Errorf("%s: %d parts", why, len(parts))
		}
	}
}

func keysOf(names []string) map[string]bool {
	parts := make([]part, 0, len(names))
	for _, name := range names {
		parts = append(parts, part{leaf: leaf{name: name}, weight: 1})
	}
	keys := map[string]bool{}
	runs := cutter{Run}.runsOf(parts)
	for _, run := range runs {
		var all []string
		for _, p := range run {
			all = append(all, p.leaf.name)
		}
		keys[strings.Join(all, " ")] = true
	}
	return keys
}

func TestANewFileMovesItsNeighboursOnly(t *testing.T) {
	names := make([]string, 0, 2001)
	for i := range 2000 {
		names = append(names, fmt.Sprintf("f%04d.yaml", i))
	}
	before := keysOf(names)
	if len(before) < 2000/Run || len(before) > 2000/(Run/8) {
		t.Fatalf("%d pieces for 2000 files", len(before))
	}
	for _, i := range []int{0, 700, 1999} {
		more := append(append(append([]string{}, names[:i]...), "new.yaml"), names[i:]...)
		changed := 0
		for key := range keysOf(more) {
			if !before[key] {
				changed++
			}
		}
		if changed > 4 {
			t.Errorf("a file before number %d changes %d of %d pieces", i, changed, len(before))
		}
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	obj := func(i int) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"kind": "A", "n": int64(i), "text": strings.Repeat("x", 800)}}
	}
	c := NewCache(10_000, Run)
	for i := range 100 {
		c.Keep(fmt.Sprint(i), obj(i), i%2 == 0)
		if c.size > 10_000 {
			t.Fatalf("%d bytes after %d objects", c.size, i)
		}
		if _, _, ok := c.Finished("0"); !ok {
			t.Fatalf("what is in use is dropped after %d objects", i)
		}
	}
	got, sensitive, ok := c.Finished("99")
	if !ok || sensitive || !cmp.Equal(obj(99), got) {
		t.Errorf("the newest object is lost or another: %v", got)
	}
	if _, _, ok := c.Finished("5"); ok {
		t.Error("the oldest object is still there")
	}
	c.Keep("huge", &unstructured.Unstructured{Object: map[string]any{"k": strings.Repeat("x", 20_000)}}, false)
	if _, _, ok := c.Finished("huge"); ok || c.recent.Len() == 0 {
		t.Error("an object larger than the cache drove out the others")
	}
	c.Keep("binary", &unstructured.Unstructured{Object: map[string]any{"k": "\xff"}}, false)
	if _, _, ok := c.Finished("binary"); ok {
		t.Error("text that JSON cannot hold was kept")
	}
	got.Object["n"] = "changed"
	if again, _, _ := c.Finished("99"); again.Object["n"] != int64(99) {
		t.Error("what a caller changes changes in the cache")
	}
}

func TestReferencesWithNamespaces(t *testing.T) {
	named := func(kind string, more map[string]any) *unstructured.Unstructured {
		obj := map[string]any{"kind": kind, "metadata": map[string]any{"name": "x"}}
		for k, v := range more {
			obj[k] = v
		}
		return &unstructured.Unstructured{Object: obj}
	}
	name := map[string]any{"name": map[string]any{"name": "x"}}
	cases := map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		want bool
	}{
		"Binding":   {"its subjects have namespaces", named("RoleBinding", nil), true},
		"Webhook":   {"its service has one", named("MutatingWebhookConfiguration", nil), true},
		"Plain":     {"a name is text", named("Deployment", map[string]any{"spec": map[string]any{"name": "x"}}), false},
		"MapAsName": {"a map where a name belongs", named("Deployment", map[string]any{"spec": []any{name}}), true},
		"OtherKind": {"kinds that refer to nothing may have anything", named("CustomResourceDefinition", map[string]any{"spec": name}), false},
		"Storage":   {"parameters are its references", named("StorageClass", map[string]any{"parameters": map[string]any{"secretRef": map[string]any{}}}), true},
		"InList":    {"also in a list", named("Role", map[string]any{"resourceNames": []any{"a", map[string]any{}}}), true},
	}
	for n, c := range cases {
		t.Run(n, func(t *testing.T) {
			if got := refersWithNamespace(c.obj); got != c.want {
				t.Errorf("%s: got %t", c.why, got)
			}
		})
	}
}
