package main

import (
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/tools/internal/testtree"
)

func TestForbidden(t *testing.T) {
	const list = `
{"ImportPath":"lib.org/git/v5/plumbing","Imports":["fmt"],"DepOnly":true}
{"ImportPath":"example.org/x/a","Imports":["example.org/x/b","example.org/x/c"],"DepOnly":true}
{"ImportPath":"example.org/x/b","Imports":["lib.org/git/v5/plumbing"],"DepOnly":true}
{"ImportPath":"example.org/x/c","Imports":["example.org/x/b"],"DepOnly":true}
{"ImportPath":"example.org/x/main","Imports":["example.org/x/a","example.org/x/c"]}
{"ImportPath":"fmt","Standard":true,"DepOnly":true}`
	cases := map[string]struct {
		why, allowed string
		want         string
	}{
		"Forbidden": {
			why: "the chain is shown, and it is a shortest one", allowed: "none",
			want: "example.org/x/main example.org/x/a example.org/x/b lib.org/git/v5/plumbing",
		},
		"Allowed": {why: "a binary that needs the library has it", allowed: "lib.org/git/..."},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			table, err := parse(smallTable)
			if err != nil {
				t.Fatal(err)
			}
			g, err := decode(strings.NewReader(list))
			if err != nil {
				t.Fatal(err)
			}
			var allowed patterns
			if err := allowed.add(entry{value: tc.allowed}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range g.forbidden(table.unwanted(allowed)) {
				got = append(got, strings.Join(c, " "))
			}
			if strings.Join(got, ";") != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestRun(t *testing.T) {
	const head = "module example.org/x\nlayer all\n\tis All.\n\tholds a-controller pkg/...\n\tlayers all\n\tinstead x\nheavy pkg/heavy\n"
	tree := map[string]string{
		"go.work":    "go 1.26\n\nuse (\n\t./a-controller\n\t./pkg\n)\n",
		"pkg/go.mod": "module example.org/x/pkg\n\ngo 1.26\n",
		"a-controller/go.mod": "module example.org/x/a-controller\n\ngo 1.26\n\nrequire example.org/x/pkg v0.0.0\n\n" +
			"replace example.org/x/pkg => ../pkg\n",
		"a-controller/main.go": "package main\n\nimport _ \"example.org/x/pkg/light\"\n\nfunc main() {}\n",
		"pkg/light/light.go":   "package light\n\nimport _ \"example.org/x/pkg/heavy\"\n",
		"pkg/heavy/heavy.go":   "package heavy\n",
	}
	cases := map[string]struct{ why, table, want string }{
		"Brought": {
			why: "what comes by another package is found", table: head + "contains a-controller -> none: it is small\n",
			want: "a-controller may not contain example.org/x/pkg/heavy (it is small); it comes by\n" +
				"  example.org/x/a-controller\n  -> example.org/x/pkg/light\n  -> example.org/x/pkg/heavy",
		},
		"Allowed": {why: "what is needed may come", table: head + "contains a-controller -> pkg/heavy: it needs it\n"},
		"NoRule": {
			why: "a new binary needs a line", table: head,
			want: "a-controller: no line \"contains\" of tools/layers.txt says which heavy libraries this binary may contain; add one",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tree[tableFile] = tc.table
			got, err := run(testtree.Write(t, tree))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, "\n") != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}
