package kustomize

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

// TestEveryLimitIsRefusedByName guards against builds that exhaust the controller: a limit fails
// the build with BuildFailed and says which one it was. The timeout is in
// TestALateResultIsDiscarded.
func TestEveryLimitIsRefusedByName(t *testing.T) {
	nested := tree{
		"kustomization.yaml":     kust("resources", []string{"a", "x.yaml"}),
		"a/kustomization.yaml":   kust("resources", []string{"b"}, "images", []any{kust("name", "i")}),
		"a/b/kustomization.yaml": kust("resources", []string{"y.yaml"}, "namePrefix", "p-"),
		"a/b/y.yaml":             configMap("y"), "x.yaml": configMap("x", "k", strings.Repeat("x", 300)),
	}
	plain := tree{"a.yaml": configMap("a"), "b.yaml": configMap("b")}
	remotes := tree{"kustomization.yaml": kust("resources", []string{"git@example.com:o/a", "git@example.com:o/b"})}
	cases := map[string]struct {
		files  tree
		limits Limits
		err    string
	}{
		"Files":            {nested, Limits{Files: 3}, "reads more than 3 files"},
		"FileBytes":        {nested, Limits{FileBytes: 200}, `"x.yaml" is larger than 200 bytes`},
		"Bytes":            {nested, Limits{Bytes: 300}, "reads more than 300 bytes"},
		"Bases":            {nested, Limits{Bases: 2}, "loads more than 2 bases"},
		"Depth":            {nested, Limits{Depth: 1}, "nested more than 1 levels deep"},
		"DepthOfDirectory": {tree{"a/b/c/x.yaml": configMap("x")}, Limits{Depth: 1}, "nested more than 1 levels deep"},
		"Remotes":          {remotes, Limits{Remotes: 1}, "more than 1 remote bases"},
		"Pairs":            {nested, Limits{Pairs: 1}, "2 objects times 1 transformations are more than the limit of 1"},
		"Objects":          {nested, Limits{Objects: 1}, "holds more than 1 objects"},
		"ObjectsPlain":     {plain, Limits{Objects: 1}, "holds more than 1 objects"},
		"Entangled":        {nested, Limits{Entangled: 1}, "holds more than 1 objects, and uses features"},
		"ObjectBytes":      {nested, Limits{ObjectBytes: 200}, "ConfigMap/x has"},
		"OutputBytes":      {nested, Limits{OutputBytes: 350}, "have more than 350 bytes"},
	}
	fetch := func(context.Context, remote.Ref) (fs.FS, error) { return plain.fs(t), nil }
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			req := Request{FS: c.files.fs(t), Remote: fetch}
			if name != "Remotes" {
				if _, err := b.Build(t.Context(), req); err != nil {
					t.Fatalf("without the limit: %v", err)
				}
			}
			req.Limits = c.limits
			_, err := b.Build(t.Context(), req)
			if err == nil || !strings.Contains(err.Error(), c.err) || !fault.Is(err, meta.ReasonBuildFailed) {
				t.Errorf("want BuildFailed with %q, got %v", c.err, err)
			}
			if _, err := b.Build(t.Context(), Request{FS: plain.fs(t)}); err != nil {
				t.Errorf("the next build suffers: %v", err)
			}
		})
	}
}

// TestTwentyThousandObjectsFit builds a large tree, as files and as documents of one file.
func TestTwentyThousandObjectsFit(t *testing.T) {
	const objects, perFile = 20_000, 50
	files, one := tree{}, strings.Builder{}
	for f := range objects / perFile {
		var b strings.Builder
		for i := range perFile {
			fmt.Fprintf(&b, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d-%d}\n", f, i)
		}
		files[fmt.Sprintf("f%03d.yaml", f)] = b.String()
		one.WriteString(b.String())
	}
	b := NewBuilder(Options{})
	for why, req := range map[string]Request{
		"many files": {FS: files.fs(t)},
		"one file":   {FS: tree{"all.yaml": one.String()}.fs(t)},
	} {
		got, err := b.Build(t.Context(), req)
		if err != nil || len(got.Objects) != objects {
			t.Errorf("%s: %v", why, err)
		}
		if testing.Short() {
			break
		}
	}
	large := tree{"large.yaml": configMap("large", "k", strings.Repeat("x", 1_400_000))}
	if _, err := b.Build(t.Context(), Request{FS: large.fs(t)}); err != nil {
		t.Errorf("an object of 1.4 million bytes: %v", err)
	}
}
