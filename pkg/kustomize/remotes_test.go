package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

// elsewhere is what is not in the artifact: trees by "kind URL@revision".
type elsewhere struct {
	t     testing.TB
	trees map[string]tree

	mu     sync.Mutex
	asked  []string
	closed int
}

type closingFS struct {
	fstest.MapFS
	close func()
}

func (c closingFS) Close() error {
	c.close()
	return nil
}

func (e *elsewhere) fetch(_ context.Context, ref remote.Ref) (fs.FS, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := fmt.Sprintf("%s %s@%s", ref.Kind, ref.URL, ref.Revision)
	e.asked = append(e.asked, key)
	files, ok := e.trees[key]
	switch {
	case !ok && ref.Kind == remote.KindFile:
		return nil, fmt.Errorf("status 404: %w", remote.ErrNotFile)
	case !ok:
		return nil, errors.New("no such repository")
	}
	return closingFS{files.fs(e.t), func() { e.closed++ }}, nil
}

const (
	repoURL   = "https://example.com/org/repo"
	repoV1    = "git https://example.com/org/repo@v1"
	otherRepo = "git git@example.com:org/other@"
)

func TestRemoteBases(t *testing.T) {
	list := func(entries ...string) map[string]any { return kust("resources", entries) }
	component := kust("apiVersion", "kustomize.config.k8s.io/v1alpha1", "kind", "Component", "namePrefix", "c-")
	cases := map[string]struct {
		why   string
		local tree
		trees map[string]tree
		want  []string
		asked []string
	}{
		"Directory": {"a directory of a repository", tree{"kustomization.yaml": list(repoURL+"//deploy?ref=v1", "a.yaml"), "a.yaml": configMap("a")},
			map[string]tree{repoV1: {"deploy/kustomization.yaml": list("b.yaml", "../shared"), "deploy/b.yaml": configMap("b"),
				"shared/kustomization.yaml": list("c.yaml"), "shared/c.yaml": configMap("c")}},
			[]string{"ConfigMap/b", "ConfigMap/c", "ConfigMap/a"}, []string{"file " + repoURL + "//deploy?ref=v1@", repoV1}},
		"Root": {"the whole of it, by the old field", tree{"kustomization.yaml": kust("bases", []string{"git@example.com:org/other"})},
			map[string]tree{otherRepo: {"kustomization.yml": list("b.yaml"), "b.yaml": configMap("b")}}, []string{"ConfigMap/b"}, []string{otherRepo}},
		"File": {"a single file", tree{"kustomization.yaml": list("https://example.com/x.yaml?a=b")},
			map[string]tree{"file https://example.com/x.yaml?a=b@": {remote.FileName: configMap("x")}}, []string{"ConfigMap/x"}, []string{"file https://example.com/x.yaml?a=b@"}},
		"WebPage": {"a page about a repository is no file", tree{"kustomization.yaml": list(repoURL + "?ref=v1")},
			map[string]tree{"file " + repoURL + "?ref=v1@": {remote.FileName: "<!DOCTYPE html>\n<p>: sign in"}, repoV1: {"kustomization.yaml": list("b.yaml"), "b.yaml": configMap("b")}},
			[]string{"ConfigMap/b"}, []string{"file " + repoURL + "?ref=v1@", repoV1}},
		"Component": {"a component is never a file", tree{"kustomization.yaml": kust("resources", []string{"a.yaml"}, "components", []string{repoURL + "?ref=v1"}), "a.yaml": configMap("a")},
			map[string]tree{repoV1: {"kustomization.yaml": component}}, []string{"ConfigMap/c-a"}, []string{repoV1}},
		"Nested": {"a base elsewhere refers further", tree{"sub/kustomization.yaml": list("git@example.com:org/other"), "kustomization.yaml": list("sub")},
			map[string]tree{otherRepo: {"kustomization.yaml": list("git@example.com:org/repo//deep/er?ref=v1")},
				"git git@example.com:org/repo@v1": {"deep/er/kustomization.yaml": list("b.yaml"), "deep/er/b.yaml": configMap("b")}},
			[]string{"ConfigMap/b"}, []string{otherRepo, "git git@example.com:org/repo@v1"}},
		"Twice": {"fetched once", tree{"kustomization.yaml": list("git@example.com:org/other//x", "git@example.com:org/other//y")},
			map[string]tree{otherRepo: {"x/kustomization.yaml": list("x.yaml"), "x/x.yaml": configMap("x"), "y/kustomization.yaml": list("y.yaml"), "y/y.yaml": configMap("y")}},
			[]string{"ConfigMap/x", "ConfigMap/y"}, []string{otherRepo}},
		"Generator": {"files of a generator are those of its tree", tree{"kustomization.yaml": list("git@example.com:org/other"), "data.txt": "local"},
			map[string]tree{otherRepo: {"kustomization.yaml": kust("configMapGenerator", []any{kust("name", "g", "files", []string{"data.txt"}, "options", kust("disableNameSuffixHash", true))}), "data.txt": "theirs"}},
			[]string{"ConfigMap/g"}, []string{otherRepo}},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			away := &elsewhere{t: t, trees: c.trees}
			got, err := b.Build(t.Context(), Request{FS: c.local.fs(t), Remote: away.fetch})
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			if diff := cmp.Diff(c.want, names(got.Objects)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
			if diff := cmp.Diff(c.asked, away.asked); diff != "" {
				t.Errorf("%s: fetched (-want +got):\n%s", c.why, diff)
			}
			if got.Recording.Untraceable() == false {
				t.Error("the recording claims to know everything the build depends on")
			}
			for _, e := range got.Recording.Entries {
				if strings.HasPrefix(e.Path, "..") || (e.Kind == record.KindFile && c.local[e.Path] == nil) {
					t.Errorf("the recording has %v, which is not in the artifact", e)
				}
			}
			if away.closed != len(slices.DeleteFunc(slices.Clone(c.asked), func(k string) bool { return c.trees[k] == nil })) {
				t.Errorf("%d trees were closed", away.closed)
			}
		})
	}
}

func TestRemoteBasesAreBuiltAsLocalOnesAre(t *testing.T) {
	theirs := monorepo(t)
	local := maps.Clone(theirs)
	local["kustomization.yaml"] = &fstest.MapFile{Data: contentOf(t, kust("namePrefix", "x-", "resources", []string{"units/u1"}))}
	away := func(context.Context, remote.Ref) (fs.FS, error) { return theirs, nil }
	b := NewBuilder(Options{})
	want, err := b.Build(t.Context(), Request{FS: local})
	if err != nil {
		t.Fatal(err)
	}
	overlay := tree{"kustomization.yaml": kust("namePrefix", "x-", "resources", []string{"git@example.com:org/repo//units/u1"})}
	got, err := b.Build(t.Context(), Request{FS: overlay.fs(t), Remote: away})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Objects, got.Objects); diff != "" {
		t.Errorf("(-local +remote):\n%s", diff)
	}
}

func TestRemoteBasesAreRefused(t *testing.T) {
	list := func(entries ...string) map[string]any { return kust("resources", entries) }
	at := func(files tree) map[string]tree { return map[string]tree{otherRepo: files} }
	const other = "git@example.com:org/other"
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("git@example.com:org/r%d", i)
	}
	link := tree{"kustomization.yaml": list("l.yaml")}
	cases := map[string]struct {
		why     string
		entries []string
		trees   map[string]tree
		off     bool
		err     string
	}{
		"Off":       {"the flag says so", []string{"https://user:hunter2@example.com/o/r?token=hunter2"}, nil, true, "remote bases are turned off (--no-remote-bases)"},
		"Missing":   {"what cannot be fetched fails the build", []string{other}, nil, false, `fetching remote base "example.com:org/other": no such repository`},
		"NotThere":  {"neither file nor repository", []string{"https://example.com/x.yaml"}, nil, false, "answers neither with a file nor as a repository"},
		"Bad":       {"no address", []string{"ftp://user:hunter2@example.com/x"}, nil, false, "no scheme that is known"},
		"Machine":   {"a path of the machine", []string{"file:///etc"}, nil, false, "path of the machine"},
		"Escape":    {"a base elsewhere stays in its tree", []string{other}, at(tree{"kustomization.yaml": list("../../x")}), false, "leaves the artifact"},
		"EscapeUp":  {"also from further down", []string{other + "//a/b"}, at(tree{"a/b/kustomization.yaml": list("../../../ok.yaml")}), false, "leaves the artifact"},
		"Root":      {"nor does it know where the artifact is", []string{other}, at(tree{"kustomization.yaml": list("../.artifact-root/ok.yaml")}), false, "leaves the artifact"},
		"Plugin":    {"not even through a plug-in", []string{other}, at(tree{"kustomization.yaml": kust("resources", []string{"a.yaml"}, "transformers", []string{string(inline("PatchTransformer", "path", "../.artifact-root/canary.yaml"))}), "a.yaml": configMap("a")}), false, "artifact"},
		"PluginUp":  {"up and away", []string{other}, at(tree{"kustomization.yaml": kust("resources", []string{"a.yaml"}, "transformers", []string{string(inline("PatchTransformer", "path", "../../../../../../canary.yaml"))}), "a.yaml": configMap("a")}), false, "artifact"},
		"Cycle":     {"a base of itself", []string{other}, at(tree{"kustomization.yaml": list(other)}), false, "cycle"},
		"TwoCycle":  {"two bases of each other", []string{other + "//a"}, at(tree{"a/kustomization.yaml": list(other + "//b"), "b/kustomization.yaml": list(other + "//a")}), false, "cycle"},
		"Chart":     {"no charts from elsewhere either", []string{other}, at(tree{"kustomization.yaml": kust("helmCharts", []any{kust("name", "c")})}), false, "render no charts"},
		"Count":     {"more than may be", many, nil, false, "more than 4 remote bases"},
		"Bytes":     {"they count as what the build reads", []string{other}, at(tree{"kustomization.yaml": list("big.yaml"), "big.yaml": configMap("b", "k", strings.Repeat("x", 60_000))}), false, "more than 50000 bytes"},
		"NoFile":    {"a directory that is not there", []string{other + "//nowhere"}, at(tree{"kustomization.yaml": list("a.yaml")}), false, "example.com:org/other/nowhere"},
		"Broken":    {"the error names the address", []string{other}, at(tree{"kustomization.yaml": list("a.yaml"), "a.yaml": "a: ["}), false, "a.yaml"},
		"Component": {"of the wrong kind", []string{other}, at(tree{"kustomization.yaml": kust("kind", "Component", "apiVersion", "kustomize.config.k8s.io/v1alpha1", "namePrefix", "x")}), false, "expected kind"},
		"Link":      {"no links in fetched trees", []string{other}, at(link), false, "symbolic link"},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			local := tree{"kustomization.yaml": list(c.entries...), "ok.yaml": configMap("ok"), "canary.yaml": configMap("a", "k", canary)}
			away := &elsewhere{t: t, trees: map[string]tree{}}
			maps.Copy(away.trees, c.trees)
			fetch := away.fetch
			for i := range many[:10] {
				away.trees[fmt.Sprintf("git %s@", many[i])] = tree{"kustomization.yaml": list("a.yaml"), "a.yaml": configMap(fmt.Sprint("a", i))}
			}
			if name == "Link" {
				fetch = func(context.Context, remote.Ref) (fs.FS, error) {
					files := link.fs(t)
					files["l.yaml"] = &fstest.MapFile{Data: []byte("kustomization.yaml"), Mode: fs.ModeSymlink | 0o777}
					return files, nil
				}
			}
			req := Request{FS: local.fs(t), Remote: fetch, Limits: Limits{Remotes: 4, Bytes: 50_000}}
			if c.off {
				req.Remote = nil
			}
			_, err := b.Build(t.Context(), req)
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Fatalf("%s: want %q, got %v", c.why, c.err, err)
			}
			if !fault.Is(err, meta.ReasonBuildFailed) {
				t.Errorf("%s: want BuildFailed, got %v", c.why, err)
			}
			for _, secret := range []string{"hunter2", canary, ".artifact-root"} {
				if strings.Contains(err.Error(), secret) && !strings.Contains(fmt.Sprint(c.trees), secret) {
					t.Errorf("%s: the error shows %q: %v", c.why, secret, err)
				}
			}
			if token := hexToken.FindString(err.Error()); token != "" {
				t.Errorf("%s: the error shows the name %s: %v", c.why, token, err)
			}
			t.Log(err)
		})
	}
}

// hexToken is what a name of ours looks like.
var hexToken = regexp.MustCompile(`[0-9a-f]{32}`)

func TestOnlyResourcesAndComponentsAreRemote(t *testing.T) {
	away := &elsewhere{t: t}
	b := NewBuilder(Options{})
	for field, k := range pathFieldsWith("https://example.com/org/repo/x.yaml") {
		if field == "resources" || field == "components" || field == "bases" {
			continue
		}
		files := tree{"kustomization.yaml": k, "ok.yaml": configMap("ok")}
		_, err := b.Build(t.Context(), Request{FS: files.fs(t), Remote: away.fetch})
		if err == nil || len(away.asked) > 0 {
			t.Errorf("%s: want a refusal without a fetch, got %v, %v", field, err, away.asked)
		}
	}
}

func TestOriginsNameAddresses(t *testing.T) {
	away := &elsewhere{t: t, trees: map[string]tree{repoV1: {
		"deploy/kustomization.yaml": kust("namePrefix", "p-", "resources", []string{"a.yaml"},
			"configMapGenerator", []any{kust("name", "g", "literals", []string{"a=b"}, "options", kust("disableNameSuffixHash", true))}),
		"deploy/a.yaml": configMap("a"),
	}}}
	files := tree{"kustomization.yaml": kust("resources", []string{repoURL + "//deploy?ref=v1", "own.yaml"}), "own.yaml": configMap("own")}
	got, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Remote: away.fetch,
		Overlay: Overlay{BuildMetadata: []string{"originAnnotations", "transformerAnnotations"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"path: deploy/a.yaml\nrepo: https://example.com/org/repo\nref: v1\n",
		"repo: https://example.com/org/repo\nref: v1\nconfiguredIn: deploy/kustomization.yaml\nconfiguredBy:\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n",
		"path: own.yaml\n",
	}
	for i, obj := range got.Objects {
		if diff := cmp.Diff(want[i], obj.GetAnnotations()["config.kubernetes.io/origin"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", nameOf(obj), diff)
		}
	}
	const transformed = "- repo: https://example.com/org/repo\n  ref: v1\n  configuredIn: deploy/kustomization.yaml\n  configuredBy:\n    apiVersion: builtin\n    kind: PrefixTransformer\n"
	if diff := cmp.Diff(transformed, got.Objects[0].GetAnnotations()["alpha.config.kubernetes.io/transformations"]); diff != "" {
		t.Errorf("transformations (-want +got):\n%s", diff)
	}
}

func TestFetchingHoldsNobodyUp(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Unix(0, 0))
	b := NewBuilder(Options{Clock: clock, Parallel: 1})
	asked := make(chan struct{})
	slow := func(ctx context.Context, _ remote.Ref) (fs.FS, error) {
		close(asked)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	waiting := tree{"kustomization.yaml": kust("resources", []string{"git@example.com:org/other"})}
	errs := make(chan error)
	go func() {
		_, err := b.Build(context.Background(), Request{FS: waiting.fs(t), Remote: slow, Limits: Limits{Timeout: time.Minute}})
		errs <- err
	}()
	<-asked
	if _, err := b.Build(t.Context(), Request{FS: tree{"a.yaml": configMap("a")}.fs(t), Limits: Limits{Timeout: time.Hour}}); err != nil {
		t.Errorf("another build has to wait: %v", err)
	}
	clock.Step(2 * time.Minute)
	if err := <-errs; err == nil || !strings.Contains(err.Error(), "takes longer than 1m0s") {
		t.Errorf("want a timeout, got %v", err)
	}
	if _, err := b.Build(t.Context(), Request{FS: tree{"a.yaml": configMap("a")}.fs(t)}); err != nil {
		t.Errorf("the slot is not free: %v", err)
	}
}

func TestAFetcherMayFail(t *testing.T) {
	b := NewBuilder(Options{})
	files := tree{"kustomization.yaml": kust("resources", []string{"git@example.com:org/other"})}.fs(t)
	for name, c := range map[string]struct {
		why    string
		fetch  remote.Fetch
		reason meta.Reason
		text   string
	}{
		"Fault": {"its reason is kept", func(context.Context, remote.Ref) (fs.FS, error) {
			return nil, fault.Retry(meta.ReasonArtifactFailed, errors.New("no way"))
		}, meta.ReasonArtifactFailed, "no way"},
		"Panic":   {"it does not take the process down", func(context.Context, remote.Ref) (fs.FS, error) { panic("hunter2") }, meta.ReasonBuildFailed, "gave up (string)"},
		"Nothing": {"nothing is no tree", func(context.Context, remote.Ref) (fs.FS, error) { return nil, nil }, meta.ReasonBuildFailed, "nothing came"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Build(t.Context(), Request{FS: files, Remote: c.fetch})
			if !fault.Is(err, c.reason) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: got %v", c.why, err)
			}
		})
	}
}

func TestKeysAreNotOfferedToRemoteFiles(t *testing.T) {
	away := &elsewhere{t: t, trees: map[string]tree{otherRepo: {
		"kustomization.yaml": kust("secretGenerator", []any{kust("name", "s", "files", []string{"s.txt"})}), "s.txt": "ENC"}}}
	files := tree{"kustomization.yaml": kust("resources", []string{"git@example.com:org/other"})}
	decrypt := func(name string, _ []byte) ([]byte, error) { return nil, fmt.Errorf("asked for %s", path.Base(name)) }
	if _, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Remote: away.fetch, Decrypt: decrypt}); err != nil {
		t.Error(err)
	}
}
