package document

import (
	"bytes"
	"testing"
)

func TestAlike(t *testing.T) {
	cases := map[string]struct {
		why, key, field string
		want            bool
	}{
		"Case":     {"letters of the wrong size", "apiversion", "apiVersion", true},
		"Dash":     {"in the way of other formats", "api-version", "apiVersion", true},
		"Letter":   {"one is missing", "metdata", "metadata", true},
		"Swap":     {"two are swapped", "knid", "kind", true},
		"TwoSlips": {"a long name has room for two", "apiVresoin", "apiVersion", true},
		"Short":    {"a short one has not", "mode", "name", false},
		"Same":     {"it is no mistake", "kind", "kind", false},
		"Another":  {"a field of its own", "spec", "kind", false},
		"Long":     {"far too long to be one", string(bytes.Repeat([]byte("a"), 1<<20)), "kind", false},
		"Empty":    {"nothing", "", "kind", false},
	}
	for name, c := range cases {
		if got := alike(c.key, c.field); got != c.want {
			t.Errorf("%s: %s: want %t for %.20q and %q", name, c.why, c.want, c.key, c.field)
		}
	}
}

// FuzzFiles looks for content that nobody may read without a crash, and for a fault
// in a line that the file has not got.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"apiversion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "a: b\n...\nc: d", "a: b\n--- {c: d}", "{a: b}\n{c: d}\n",
		"kind: List\nitems: [{kind: A}]\nitems:\n", "resources: [a]\n---\nresources: [b]\n", "a: &a {b: c}\nd: *a\n<<: *a\n",
		"a: &a\n  <<: *a\n", "? [a]\n: b\n", "---\r\n--- # x\r\n\ta", "metadata:\n  labels: [a]\nkind: x\napiVersion: 1\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := 1 + bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) +
			bytes.Count(data, []byte("\u0085")) + bytes.Count(data, []byte("\u2028")) + bytes.Count(data, []byte("\u2029"))
		for name, judge := range map[string]func([]byte) *Fault{
			"Dropped": Dropped, "Twice": Twice, "Kustomization": Kustomization, "Objects": Objects,
		} {
			if found := judge(data); found != nil && (found.Line < 0 || found.Line > lines+1) {
				t.Errorf("%s names line %d of %d: %v", name, found.Line, lines, found)
			}
		}
	})
}
