package artifact_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/artifact"
)

// TestOddNames has one file among others with a name that a repository can hold: it does
// not keep the others from being packed, and what is packed can be unpacked.
func TestOddNames(t *testing.T) {
	deep := strings.Repeat("d/", 256) + "x"
	cases := map[string]struct {
		why, path string
		packed    bool
		says      string
	}{
		"Latin1":          {"not UTF-8", "docs/caf\xe9.txt", false, `"docs/caf\xe9.txt"`},
		"Backslash":       {"a separator elsewhere", `docs/back\slash.txt`, false, `"docs/back\\slash.txt"`},
		"LineBreak":       {"a line of its own in a list", "docs/a\nb", false, `"docs/a\nb"`},
		"Escape":          {"it colours a terminal", "\x1b[31mred", false, `"\x1b[31mred"`},
		"Delete":          {"a control character as well", "a\x7fb", false, `"a\x7fb"`},
		"C1":              {"a control character beyond ASCII", "a\u0085b", false, `"a\u0085b"`},
		"LongName":        {"no disk has a name of 300 bytes", strings.Repeat("x", 300), false, `"` + strings.Repeat("x", 80) + `"…`},
		"LongPath":        {"nor a path of five thousand", strings.Repeat(strings.Repeat("y", 250)+"/", 20) + "x", false, `"yyy`},
		"Deep":            {"nor so many folders", deep, false, `"d/d/`},
		"OddFolder":       {"all below an odd folder", "od\\d/sub/plain.yaml", false, `"od\\d"`},
		"OddSourceIgnore": {"rules in an odd folder are not read", "od\\d/.sourceignore", false, `"od\\d"`},
		"TrailingDot":     {"a disk on Linux has it", "a./b..", true, ""},
		"TrailingBlank":   {"as above", "a /b ", true, ""},
		"Device":          {"a device on Windows only", "nul.txt", true, ""},
		"DeviceFolder":    {"as above", "CON/aux.yaml", true, ""},
		"Colon":           {"a stream on Windows only", "a:b", true, ""},
		"Case":            {"another file on Linux", "PLAIN.yaml", true, ""},
		"Unicode":         {"a name in UTF-8", "docs/café-日本.txt", true, ""},
		"Dash":            {"an option for who does not quote", "-rf", true, ""},
		"LongestName":     {"as long as a disk allows", strings.Repeat("x", 255), true, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{"plain.yaml": file("plain"), "z/last.yaml": file("last"), tc.path: file("odd")}
			matcher, err := artifact.NewMatcher(tree, "")
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			archive, packed := pack(t, tree, artifact.PackOptions{Ignore: matcher})
			view, err := artifact.Unpack(t.Context(), bytes.NewReader(archive), artifact.UnpackOptions{})
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			defer view.Close()
			want := []string{"plain.yaml", "z/last.yaml"}
			if tc.packed {
				want = append(want, tc.path)
			}
			for _, path := range want {
				if _, err := fs.ReadFile(view, path); err != nil {
					t.Errorf("%s: %v", tc.why, err)
				}
			}
			if !tc.packed != (packed.LeftOut.Count == 1) || packed.LeftOut.Count > 1 {
				t.Errorf("%s: %d left out", tc.why, packed.LeftOut.Count)
			}
			if text := packed.LeftOut.String(); !strings.Contains(text, tc.says) || strings.ContainsAny(text, "\n\x1b") {
				t.Errorf("%s: %q does not say %q", tc.why, text, tc.says)
			}
		})
	}
}

// TestManyOddNames says that a message about thousands of them ends, and that those that
// are ignored, and links, are not counted.
func TestManyOddNames(t *testing.T) {
	tree := fstest.MapFS{"plain.yaml": file("plain"), `link\`: {Data: []byte("x"), Mode: fs.ModeSymlink}, `ignored\`: file("x"), `dir\/x`: file("x")}
	for n := range 2000 {
		tree[fmt.Sprintf(`odd\%04d`, n)] = file("x")
	}
	ignore := artifact.MatcherFunc(func(path string, _ bool) bool { return path == `ignored\` || path == `dir\` })
	_, packed := pack(t, tree, artifact.PackOptions{Ignore: ignore})
	want := `left out of the artifact, because their names are too long, not UTF-8, or hold a backslash or a control character: ` +
		`"odd\\0000", "odd\\0001", "odd\\0002" and 1997 more; rename them, or name them in .sourceignore`
	if diff := cmp.Diff(want, packed.LeftOut.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	plain := fstest.MapFS{"plain.yaml": file("plain")}
	if _, alone := pack(t, plain, artifact.PackOptions{}); alone.Digest != packed.Digest {
		t.Error("what is left out leaves nothing in the archive")
	}
}
