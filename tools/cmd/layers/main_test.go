package main

import (
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/tools/internal/testtree"
)

// smallTable is a table like ours for a tree of a few packages.
const smallTable = `
module example.org/x

layer apis
	is         Types.
	holds      apis/...
	layers     apis
	libraries  none
	never      net/http
	instead    move it to pkg

layer adapter
	is         One system each.
	holds      pkg/git/... pkg/apply/... pkg/live/...
	layers     apis
	also       pkg/apply/... -> pkg/live/...: apply plans against live
	libraries  k8s.io/api/... lib.org/...
	until      pkg/live/... -> apis/kustomize/...: being moved
	instead    pass it in

layer main
	is         Composes.
	holds      *-controller
	layers     adapter
	tests      too
	instead    leave it

never pkg/... -> apis/kustomize/...: pkg knows no kind
only lib.org/git/... -> pkg/git/...: use pkg/git
heavy lib.org/git/... pkg/live
contains *-controller -> lib.org/git/...: it fetches
`

// clean is a tree that obeys it.
func clean() map[string]string {
	return map[string]string{
		"apis/meta/types.go":            "package meta\n",
		"apis/kustomize/types.go":       "package kustomize\nimport _ \"example.org/x/apis/meta\"\n",
		"pkg/git/git.go":                "package git\nimport (\n_ \"lib.org/git/v5\"\n_ \"example.org/x/pkg/git/internal/pack\"\n)\n",
		"pkg/git/internal/pack/pack.go": "package pack\n",
		"pkg/apply/apply.go":            "package apply\nimport _ \"example.org/x/pkg/live\"\n",
		"pkg/live/live.go":              "package live\nimport _ \"example.org/x/apis/kustomize\"\n",
		"a-controller/main.go":          "package main\nimport _ \"example.org/x/pkg/git\"\n",
		"pkg/git/testdata/bad.go":       "package bad\nimport _ \"example.org/x/pkg/live\"\n",
	}
}

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		why        string
		file, text string
		table      string // added to the table
		want       []string
	}{
		"Clean": {why: "what the table allows is not reported; test data is no code"},
		"Test":  {why: "tests are free unless the layer says otherwise", file: "pkg/git/git_test.go", text: "package git\nimport _ \"example.org/x/pkg/live\"\n"},
		"TestsToo": {
			why: "a layer can hold its tests to the rule", file: "a-controller/main_test.go",
			text: "package main\nimport _ \"example.org/x/apis/meta\"\n",
			want: []string{"a-controller/main_test.go:2: a-controller imports example.org/x/apis/meta: layer main may import of ours: layers [adapter]", "Instead: leave it"},
		},
		"OtherAdapter": {
			why: "a layer that is not named is forbidden, its own included", file: "pkg/git/more.go",
			text: "package git\nimport _ \"example.org/x/pkg/live\"\n",
			want: []string{"pkg/git/more.go:2: pkg/git imports example.org/x/pkg/live", "this is layer adapter", "One system each.", "Instead: pass it in"},
		},
		"Everywhere": {
			why: "a rule for a part of the tree holds although the layer allows the import", file: "pkg/git/more.go",
			text: "package git\nimport _ \"example.org/x/apis/kustomize\"\n",
			want: []string{"pkg/git/more.go:2: pkg/git imports example.org/x/apis/kustomize", "pkg knows no kind"},
		},
		"Library": {
			why: "a library that is not listed is forbidden", file: "pkg/git/more.go",
			text: "package git\nimport _ \"k8s.io/client-go\"\n", want: []string{"may import the libraries [k8s.io/api/... lib.org/...]"},
		},
		"Standard": {
			why: "the standard library is allowed but for what is named", file: "apis/meta/more.go",
			text: "package meta\nimport (\n_ \"fmt\"\n_ \"net/http\"\n)\n",
			want: []string{"apis/meta/more.go:4: apis/meta imports net/http: layer apis never imports net/http"},
		},
		"Only": {
			why: "a library with one importer has no other", file: "pkg/apply/more.go",
			text: "package apply\nimport _ \"lib.org/git/v5\"\n", want: []string{"only pkg/git/... may import lib.org/git/...: use pkg/git"},
		},
		"NoLayer": {
			why: "a new package has to be put into a layer", file: "pkg/new/new.go", text: "package new\n",
			want: []string{"pkg/new: belongs to no layer; add it to \"holds\""},
		},
		"TwoLayers": {
			why: "a package obeys one layer", table: "layer more\n\tis M.\n\tholds pkg/git/internal/...\n\tinstead x\n",
			want: []string{"pkg/git/internal/pack: belongs to the layers adapter and more"},
		},
		"EmptyPattern": {
			why: "a pattern for packages that are gone is removed", table: "layer more\n\tis M.\n\tholds pkg/gone\n\tinstead x\n",
			want: []string{`"pkg/gone" holds no package; remove it`},
		},
		"Planned": {why: "a place can be kept for what comes", table: "layer more\n\tis M.\n\tplanned pkg/coming/...\n\tinstead x\n"},
		"NeedlessException": {
			why: "an exception goes with its cause", file: "pkg/live/live.go", text: "package live\n",
			want: []string{`the exception "pkg/live/... -> apis/kustomize/..." is not needed; remove it`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := clean()
			if tc.file != "" {
				files[tc.file] = tc.text
			}
			table, err := parse(smallTable + tc.table)
			if err != nil {
				t.Fatal(err)
			}
			packages, err := read(testtree.Write(t, files))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(table.check(packages), "\n")
			if len(tc.want) == 0 && got != "" {
				t.Errorf("%s: got %q", tc.why, got)
			}
			if got != "" && strings.Count(got, "\n") > 0 {
				t.Errorf("more than one finding: %q", got)
			}
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s: got %q, want %q in it", tc.why, got, want)
				}
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct{ table, want string }{
		"UnknownKey":   {"module x\nlayer a\n\tcolour red\n", `3: unknown key "colour"`},
		"NoLayer":      {"module x\n\tholds a\n", "2: this line belongs to no layer"},
		"NoReason":     {"module x\nonly a -> b\n", `is not "left -> right: reason"`},
		"Incomplete":   {"module x\nlayer a\n\tholds a\n", "2: the layer a lacks is, instead or holds"},
		"UnknownLayer": {"module x\nlayer a\n\tis A.\n\tholds a\n\tinstead b\n\tlayers z\n", `names the layer "z"`},
		"NoModule":     {"layer a\n", "\"module\" is missing"},
		"DotsInside":   {"module x\nheavy a/.../b\n", "three dots stand at the end"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(tc.table); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestPattern(t *testing.T) {
	cases := map[string]struct {
		pattern, name string
		want          bool
		family        string
	}{
		"Itself":   {"pkg/git/...", "pkg/git", true, "pkg/git"},
		"Below":    {"pkg/git/...", "pkg/git/internal/pack", true, "pkg/git"},
		"Beside":   {"pkg/git/...", "pkg/gitx", false, ""},
		"Exact":    {"net/http", "net/http/httptest", false, ""},
		"Star":     {"*-controller/internal/phase/...", "a-controller/internal/phase/x", true, "a-controller/internal/phase"},
		"OneLevel": {"*-controller", "a/b-controller", false, ""},
		"Version":  {"github.com/aws/aws-sdk-go*/...", "github.com/aws/aws-sdk-go-v2/service/s3", true, "github.com/aws/aws-sdk-go-v2"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var p patterns
			if err := p.add(entry{value: tc.pattern}); err != nil {
				t.Fatal(err)
			}
			if got := p.match(tc.name) != nil; got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if got := p[0].family(tc.name); got != tc.family {
				t.Errorf("family: got %q, want %q", got, tc.family)
			}
		})
	}
}
