package view

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

func sample(t *testing.T) *Tree {
	t.Helper()
	local := fstest.MapFS{"a/x.yaml": {Data: []byte("local")}, "secret": {Data: []byte("hunter2")}}
	away := fstest.MapFS{"a/x.yaml": {Data: []byte("away")}}
	tree := New(t.Context(), local, Limits{Files: 100, FileBytes: 1000, Bytes: 1000}, nil)
	tree.Mount("t0", "example.com/zero", away)
	tree.Mount("t1", "example.com/one", away)
	return tree
}

func TestWithin(t *testing.T) {
	cases := map[string]struct{ why, dir, entry, want, err string }{
		"Below":        {"a path further down", "a", "b/c", "a/b/c", ""},
		"Beside":       {"within the tree", "a/b", "../c", "a/c", ""},
		"Above":        {"out of the tree", "a", "../../x", "", `"../../x" in "a" leaves`},
		"Absolute":     {"starts elsewhere", "a", "/etc/passwd", "", "is absolute"},
		"NUL":          {"ends a name for others", "a", "x\x00y", "", "NUL"},
		"Mount":        {"a mount by its name", ".", "../t0/a", "", "leaves"},
		"MountBelow":   {"within a mount", "../t0/a", "../b", "../t0/b", ""},
		"MountRoot":    {"its root", "../t0/a", "..", "../t0", ""},
		"MountToTree":  {"from a mount to the artifact", "../t0/a", "../../a", "", `in "example.com/zero/a" leaves`},
		"MountToMount": {"from one to another", "../t0/a", "../../t1/a", "", "leaves"},
		"MountPrefix":  {"to a longer name", "../t0", "../t01", "", "leaves"},
		"FarUp":        {"further than there is", "../t0", "../../../../etc", "", "leaves"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := sample(t).Within(c.dir, c.entry)
			if c.err == "" && (err != nil || got != c.want) {
				t.Errorf("%s: want %q, got %q, %v", c.why, c.want, got, err)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !refusal.Is(err)) {
				t.Errorf("%s: want %q, got %q, %v", c.why, c.err, got, err)
			}
		})
	}
}

func TestMountsAreSeenAndNotRecorded(t *testing.T) {
	tree := sample(t)
	for name, want := range map[string]string{"a/x.yaml": "local", "../t0/a/x.yaml": "away"} {
		data, err := tree.Read(name)
		if kind, _ := tree.Lookup(name); err != nil || string(data) != want || kind != record.KindFile {
			t.Errorf("%s: got %q, %v", name, data, err)
		}
	}
	for _, name := range []string{"../t2/a", "../t0/../secret", "../secret", "..", "../../x", "../t0/nothing"} {
		if kind, err := tree.Lookup(name); err != nil || kind != record.KindAbsent {
			t.Errorf("%s: there is a %s, %v", name, kind, err)
		}
	}
	children, err := tree.List("../t1")
	if err != nil || len(children) != 1 || children[0].Name != "a" {
		t.Errorf("listing a mount: %v, %v", children, err)
	}
	recording := tree.Recording()
	if !recording.Remote {
		t.Error("the recording does not say that something is from elsewhere")
	}
	for _, e := range recording.Entries {
		if strings.HasPrefix(e.Path, "../t") {
			t.Errorf("%v is not of the artifact", e)
		}
	}
}

func TestTryTakesBackWhatItRead(t *testing.T) {
	tree := New(t.Context(), fstest.MapFS{"a": {Data: []byte("aaaa")}, "b": {Data: []byte("bbbb")}}, Limits{Files: 2, FileBytes: 10, Bytes: 6}, nil)
	ok := tree.Try(func() bool {
		_, _ = tree.Read("a")
		_, _ = tree.Read("a")
		_, err := tree.Read("a")
		return err == nil
	})
	if ok || tree.Err() != nil {
		t.Fatalf("the failure is still there: %v", tree.Err())
	}
	if _, err := tree.Read("a"); err != nil {
		t.Errorf("the reads still count: %v", err)
	}
	if _, err := tree.Read("b"); err == nil || !strings.Contains(err.Error(), "more than 6 bytes") {
		t.Errorf("the bytes do not count any more: %v", err)
	}
}

func TestATreeEndsWithItsContext(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	tree := New(ctx, fstest.MapFS{"a": {}}, Limits{Files: 2}, nil)
	cancel(why)
	if _, err := tree.Lookup("a"); !errors.Is(err, why) {
		t.Errorf("want the reason, got %v", err)
	}
	if tree.Try(func() bool { return true }); !errors.Is(tree.Alive(), why) {
		t.Error("a tree came back to life")
	}
}
