package main

import (
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/tools/internal/testtree"
)

func TestShared(t *testing.T) {
	const test = "package x\n"
	cases := map[string]struct {
		why   string
		files map[string]string
		want  string
	}{
		"Pure":      {why: "values need no detector", files: map[string]string{"a/a.go": "package a\n\nfunc F(x int) int { return x }\n", "a/a_test.go": test}},
		"Goroutine": {why: "who starts one has two", files: map[string]string{"a/a.go": "package a\n\nfunc F() { go F() }\n", "a/a_test.go": test}, want: "m/a"},
		"Channel":   {why: "a channel has two ends", files: map[string]string{"a/a.go": "package a\n\ntype T struct{ c chan int }\n", "a/a_test.go": test}, want: "m/a"},
		"Receive":   {why: "also one that comes from elsewhere", files: map[string]string{"a/a.go": "package a\n\nvar Err = <-f()\n", "a/a_test.go": test}, want: "m/a"},
		"Mutex":     {why: "nobody locks alone", files: map[string]string{"a/a.go": "package a\n\nimport _ \"sync\"\n", "a/a_test.go": test}, want: "m/a"},
		"Workers":   {why: "controller-runtime has workers", files: map[string]string{"a/a.go": "package a\n\nimport _ \"sigs.k8s.io/controller-runtime\"\n", "a/a_test.go": test}, want: "m/a"},
		"Parallel":  {why: "so has our own helper", files: map[string]string{"a/a.go": "package a\n\nimport _ \"example.org/x/pkg/parallel\"\n", "a/a_test.go": test}, want: "m/a"},
		"NoTests":   {why: "without tests there is nothing to run", files: map[string]string{"a/a.go": "package a\n\nimport _ \"sync\"\n"}},
		"InTest":    {why: "what only a test starts is the test's", files: map[string]string{"a/a.go": "package a\n", "a/a_test.go": "package a\n\nimport _ \"sync\"\n"}},
		"Reached": {
			why: "what a concurrent package uses through others is shared, if it can change", want: "m/c m/d",
			files: map[string]string{
				"a/a.go": "package a\n\nimport (\n\t_ \"sync\"\n\t_ \"example.org/x/m/b\"\n)\n",
				"b/b.go": "package b\n\nimport (\n\t_ \"example.org/x/m/c\"\n\t_ \"example.org/x/m/d\"\n\t_ \"example.org/x/m/e\"\n)\n", "b/b_test.go": test,
				"c/c.go": "package c\n\nvar table = map[string]int{}\n", "c/c_test.go": test,
				"d/d.go": "package d\n\ntype T struct{}\n\nfunc (t *T) M() {}\n", "d/d_test.go": test,
				"e/e.go": "package e\n\nimport \"errors\"\n\nvar ErrX, _ = errors.New(\"x\"), 1\n\nfunc (t T) M() {}\n\ntype T int\n", "e/e_test.go": test,
			},
		},
		"NotReached": {
			why:   "what no concurrent package uses is not",
			files: map[string]string{"c/c.go": "package c\n\nvar table = map[string]int{}\n", "c/c_test.go": test},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"m/go.mod": "module example.org/x/m\n", "other/o.go": "package o\n\nimport _ \"sync\"\n", "other/o_test.go": test}
			for name, text := range tc.files {
				files["m/"+name] = text
			}
			packages, err := read(testtree.Write(t, files), []string{"m"})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(shared(packages), " "); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	cases := map[string]map[string]string{
		"NoName":   {"m/go.mod": "go 1.26\n"},
		"NoModule": {},
		"NoGo":     {"m/go.mod": "module example.org/x/m\n", "m/a/a.go": "pakage a\n"},
	}
	for name, files := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := read(testtree.Write(t, files), []string{"m"}); err == nil {
				t.Error("it was read")
			}
		})
	}
}
