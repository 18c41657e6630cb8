package kustomize

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

const canary = "canary-content"

// pathFieldsWith returns a kustomization for every field that takes a path.
func pathFieldsWith(entry string) map[string]map[string]any {
	list := []string{entry}
	return map[string]map[string]any{
		"resources":             kust("resources", list),
		"bases":                 kust("bases", list),
		"components":            kust("components", list),
		"crds":                  kust("crds", list, "resources", []string{"ok.yaml"}),
		"configurations":        kust("configurations", list, "resources", []string{"ok.yaml"}),
		"generators":            kust("generators", list, "resources", []string{"ok.yaml"}),
		"transformers":          kust("transformers", list, "resources", []string{"ok.yaml"}),
		"validators":            kust("validators", list, "resources", []string{"ok.yaml"}),
		"openapi.path":          kust("openapi", map[string]any{"path": entry}, "resources", []string{"ok.yaml"}),
		"replacements.path":     kust("replacements", []any{map[string]any{"path": entry}}, "resources", []string{"ok.yaml"}),
		"patches.path":          kust("patches", []any{map[string]any{"path": entry}}, "resources", []string{"ok.yaml"}),
		"patchesJson6902":       kust("patchesJson6902", []any{map[string]any{"path": entry, "target": map[string]any{"kind": "ConfigMap", "version": "v1", "name": "ok"}}}, "resources", []string{"ok.yaml"}),
		"patchesStrategicMerge": kust("patchesStrategicMerge", list, "resources", []string{"ok.yaml"}),
		"configMapFiles":        kust("configMapGenerator", []any{map[string]any{"name": "g", "files": []string{"k=" + entry}}}),
		"configMapPlainFiles":   kust("configMapGenerator", []any{map[string]any{"name": "g", "files": list}}),
		"configMapEnvs":         kust("configMapGenerator", []any{map[string]any{"name": "g", "envs": list}}),
		"configMapEnv":          kust("configMapGenerator", []any{map[string]any{"name": "g", "env": entry}}),
		"secretFiles":           kust("secretGenerator", []any{map[string]any{"name": "g", "files": list}}),
		"helmCharts":            kust("helmCharts", []any{map[string]any{"name": "c", "valuesFile": entry}}),
		"pluginPath":            kust("resources", []string{"ok.yaml"}, "transformers", []string{string(inline("PatchTransformer", "path", entry))}),
		"pluginFiles":           kust("generators", []string{string(inline("ConfigMapGenerator", "FILES", []string{"k=" + entry}))}),
		"pluginPaths":           kust("resources", []string{"ok.yaml"}, "transformers", []string{string(inline("PatchStrategicMergeTransformer", "paths", []string{entry}))}),
	}
}

func inline(kind string, field string, value any) []byte {
	return mustYAML(object("builtin", kind, "plugin", field, value))
}

func mustYAML(value any) []byte {
	data, err := yaml.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}

func TestNothingOutsideTheArtifactIsRead(t *testing.T) {
	// A kustomization must not read the files of the controller: every path field, every
	// way out. The canary lies beside the artifact on a real disk.
	outside := t.TempDir()
	root := filepath.Join(outside, "source")
	write := func(name string, content []byte) {
		t.Helper()
		full := filepath.Join(outside, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("canary.yaml", contentOf(t, configMap("canary", "k", canary)))
	write("source/ok.yaml", contentOf(t, configMap("ok", "k", "v")))
	for link, target := range map[string]string{
		"link.yaml": "../canary.yaml", "linkdir": "..", "chain.yaml": "link.yaml", "inner.yaml": "ok.yaml", "loop": ".",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	entries := []string{
		"../canary.yaml", "../../../../../../../../../.." + outside + "/canary.yaml", outside + "/canary.yaml", "/etc/passwd",
		"../source/../canary.yaml", "./x/../../canary.yaml", "link.yaml", "link.yaml/", "linkdir/canary.yaml", "chain.yaml", "inner.yaml",
		"loop/loop/ok.yaml", "https://127.0.0.1:1/x.yaml", "http://127.0.0.1:1/org/repo", "HTTPS://127.0.0.1:1/x", "git::https://127.0.0.1:1/a/b",
		"git@127.0.0.1:org/repo", "ssh://git@127.0.0.1/org/repo", "file:///etc", "github.com/org/repo", "https://user:secret@127.0.0.1:1/a/b.git",
	}
	b := NewBuilder(Options{})
	for _, entry := range entries {
		for field, k := range pathFieldsWith(entry) {
			write("source/kustomization.yaml", contentOf(t, k))
			got, err := b.Build(t.Context(), Request{FS: os.DirFS(root)})
			if err == nil {
				t.Errorf("%s of %s was accepted: %v", entry, field, names(got.Objects))
				continue
			}
			text := err.Error()
			if strings.Contains(text, canary) || strings.Contains(text, root) || strings.Contains(text, treeRoot) || strings.Contains(text, "secret@") {
				t.Errorf("%s of %s: the error says too much: %s", entry, field, text)
			}
			if strings.Contains(text, "connection refused") || strings.Contains(text, "dial ") || strings.Contains(text, "git fetch") {
				t.Errorf("%s of %s reached for the network: %s", entry, field, text)
			}
			if !fault.Is(err, meta.ReasonBuildFailed) {
				t.Errorf("%s of %s: want BuildFailed, got %v", entry, field, err)
			}
		}
	}
}

func TestPluginsOutOfDirectories(t *testing.T) {
	remote := object("builtin", "PatchTransformer", "p", "path", "https://127.0.0.1:1/x")
	fine := object("builtin", "AnnotationsTransformer", "p", "annotations", map[string]any{"see": "https://example.com/x"},
		"fieldSpecs", []any{map[string]any{"path": "metadata/annotations", "create": true}})
	twice := string(contentOf(t, kust("https://127.0.0.1:1/a/b", "x"))) + string(contentOf(t, object("builtin", "PatchTransformer", "p"))) +
		"---\n" + string(contentOf(t, object("builtin", "PatchTransformer", "p")))
	function := object("example.com/v1", "Run", "fn")
	function["metadata"].(map[string]any)["annotations"] = map[string]any{functionAnnotation: string(contentOf(t, kust("exec", kust("path", "./run.sh"))))}
	container := object("example.com/v1", "Run", "fn")
	container["metadata"].(map[string]any)["annotations"] = map[string]any{functionAnnotation: string(contentOf(t, kust("container", kust("image", "example.com/fn"))))}
	cases := map[string]struct {
		why   string
		files tree
		err   string
	}{
		"Listed": {"a directory may list plug-ins", tree{"t/kustomization.yaml": kust("resources", []string{"t.yaml"}), "t/t.yaml": fine}, ""},
		"Remote": {"but not one that leaves", tree{"t/kustomization.yaml": kust("resources", []string{"t.yaml"}), "t/t.yaml": remote}, "is remote"},
		"Nested": {"nor one further down", tree{"t/kustomization.yaml": kust("resources", []string{"u"}),
			"t/u/kustomization.yaml": kust("resources", []string{"t.yaml"}), "t/u/t.yaml": remote}, "is remote"},
		"Computed": {"nor one that is put together by the build", tree{"t/kustomization.yaml": kust("resources", []string{"t.yaml"},
			"patches", []any{map[string]any{"patch": "x"}}), "t/t.yaml": fine}, "may only list resources"},
		"Function":  {"no programs", tree{"t": nil, "t.yaml": function}, "only built-in plug-ins run"},
		"Container": {"no containers", tree{"t": nil, "t.yaml": container}, "only built-in plug-ins run"},
		"Chart":     {"no charts", tree{"t.yaml": object("builtin", "HelmChartInflationGenerator", "c")}, "render no charts"},
		"External":  {"no Go plug-ins", tree{"t.yaml": object("example.com/v1", "Anything", "c")}, "only built-in plug-ins run"},
		"Twins":     {"documents the library takes for a path", tree{"inline": twice}, "remote"},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			entry := "t"
			if _, ok := c.files["t.yaml"]; ok {
				entry = "t.yaml"
			}
			if text, ok := c.files["inline"]; ok {
				entry = text.(string)
			}
			delete(c.files, "t")
			c.files["ok.yaml"] = configMap("ok")
			c.files["kustomization.yaml"] = kust("resources", []string{"ok.yaml"}, "transformers", []string{entry})
			got, err := b.Build(t.Context(), Request{FS: c.files.fs(t)})
			if c.err == "" {
				if err != nil || got.Objects[0].GetAnnotations()["see"] == "" {
					t.Errorf("%s: %v", c.why, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: want %q, got %v", c.why, c.err, err)
			}
		})
	}
}

func TestAnEncryptedFileCannotBecomeAPlugin(t *testing.T) {
	config := contentOf(t, object("builtin", "PatchTransformer", "p", "path", "patch.yaml"))
	files := tree{
		"ok.yaml": configMap("ok"), "t.yaml": config, "patch.yaml": configMap("ok", "a", "b"),
		"sub/kustomization.yaml": kust("secretGenerator", []any{map[string]any{"name": "s", "files": []string{"../t.yaml"}}}),
		"kustomization.yaml":     kust("resources", []string{"ok.yaml", "sub"}, "transformers", []string{"t.yaml"}),
	}
	decrypt := func(_ string, data []byte) ([]byte, error) {
		return []byte(strings.ReplaceAll(string(data), "patch.yaml", "https://127.0.0.1:1/x")), nil
	}
	_, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Decrypt: decrypt})
	if err == nil || !strings.Contains(err.Error(), "configures a plug-in") {
		t.Errorf("want a refusal, got %v", err)
	}
}

func TestBombsAreRefused(t *testing.T) {
	chain := tree{}
	for i := range 10_000 {
		chain[fmt.Sprintf("d%d/kustomization.yaml", i)] = kust("resources", []string{fmt.Sprintf("../d%d", i+1)})
	}
	chain["kustomization.yaml"] = kust("resources", []string{"d0"})
	fan := tree{"kustomization.yaml": kust("resources", []string{"l0a", "l0b"})}
	for i := range 40 {
		for _, side := range []string{"a", "b"} {
			fan[fmt.Sprintf("l%d%s/kustomization.yaml", i, side)] = kust("namePrefix", side, "resources", []string{
				fmt.Sprintf("../l%da", i+1), fmt.Sprintf("../l%db", i+1)})
		}
	}
	for _, side := range []string{"a", "b"} {
		fan["l40"+side+"/kustomization.yaml"] = kust("namespace", "x")
	}
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	head := string(contentOf(t, configMap("x")))
	var many strings.Builder
	var patchList []any
	for i := range 10_000 {
		many.WriteString("---\n" + string(contentOf(t, configMap(fmt.Sprintf("c%d", i)))))
		patchList = append(patchList, map[string]any{"target": map[string]any{"kind": "ConfigMap"}, "patch": "[]"})
	}
	one := func(text string) tree { return tree{"x.yaml": head + text} }
	cases := map[string]struct {
		why   string
		files tree
		err   string
	}{
		"SelfBase":       {"a base of itself", tree{"kustomization.yaml": kust("resources", []string{"."})}, "cycle"},
		"TwoNodeCycle":   {"two bases of each other", tree{"a/kustomization.yaml": kust("resources", []string{"../b"}), "b/kustomization.yaml": kust("resources", []string{"../a"}), "kustomization.yaml": kust("resources", []string{"a"})}, "cycle"},
		"DeepChain":      {"ten thousand bases in a row", chain, "nested more than"},
		"FanOut":         {"two to the fortieth loads of a base", fan, "loads more than"},
		"Laughs":         {"aliases of aliases", one(laughs), "aliases grow"},
		"LaughsThenJunk": {"a document that parses before one that does not", one(laughs + "---\na: [\n"), "aliases grow"},
		"Deep":           {"nesting by brackets", one("v: " + strings.Repeat("[", 100_000)), ""},
		"DeepClosed":     {"nesting by brackets that close", one("v: " + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000)), "nested more than"},
		"DeepDashes":     {"nesting by dashes", one("v:\n" + strings.Repeat("- ", 5_000) + "x"), "nested more than"},
		"MergeLoop":      {"a merge key to itself", one("a: &a\n  <<: *a\n"), ""},
		"BigScalar":      {"ten megabytes in one value", one("v: " + strings.Repeat("x", 10<<20)), "has 10485"},
		"BigFile":        {"more than a file may have", one("v: " + strings.Repeat("x", 17<<20)), "is larger than"},
		"Duplicate":      {"one key twice", one("kind: Secret\n"), ""},
		"NotUTF8":        {"bytes that are no text", one("v: \xff\xfe\n"), ""},
		"Tabs":           {"tabs for indentation", one("v:\n\ta: b\n"), ""},
		"ManyObjects":    {"more objects than may be", tree{"a.yaml": strings.Repeat(many.String(), 3)}, "holds more than 25000 objects"},
		"Product":        {"ten thousand objects times ten thousand patches", tree{"a.yaml": many.String(), "kustomization.yaml": kust("resources", []string{"a.yaml"}, "patches", patchList)}, "transformations"},
	}
	b := NewBuilder(Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			_, err := b.Build(t.Context(), Request{FS: c.files.fs(t)})
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Fatalf("%s: want an error with %q, got %v", c.why, c.err, err)
			}
			if len(err.Error()) > 2048 {
				t.Errorf("%s: the error has %d bytes", c.why, len(err.Error()))
			}
			t.Logf("%s: %v", time.Since(begun).Round(time.Millisecond), err)
		})
	}
}

func TestOddTextBuilds(t *testing.T) {
	text := string(contentOf(t, configMap("x", "k", "v")))
	for name, files := range map[string]tree{
		"ByteOrderMark":   {"x.yaml": "\ufeff" + text},
		"CarriageReturns": {"x.yaml": strings.ReplaceAll(text, "\n", "\r\n")},
		"Anchors":         {"x.yaml": text + "a: &a {k: v}\nb: *a\n"},
		"AnchorNames":     {"x.yaml": text + "---\n" + string(contentOf(t, configMap("y", "a&b", "c*d")))},
		"AddressLikeName": {"http:x.yaml": configMap("x", "k", "v")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t)})
			if err != nil || len(got.Objects) == 0 {
				t.Errorf("want objects, got %v", err)
			}
		})
	}
}

func TestABadVariableNameFailsTheBuild(t *testing.T) {
	files := tree{"x.yaml": configMap("x")}
	_, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Substitution: &substitute.Variables{Values: map[string]string{"a-b": "hunter2"}}})
	if err == nil || !strings.Contains(err.Error(), `"a-b"`) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("want the name and not the value, got %v", err)
	}
}

func TestOutputIsCapped(t *testing.T) {
	files := tree{"a.yaml": configMap("a", "k", strings.Repeat("x", 2000)), "b.yaml": configMap("b", "k", strings.Repeat("x", 2000))}
	_, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: files.fs(t), Limits: Limits{OutputBytes: 3000}})
	if err == nil || !strings.Contains(err.Error(), "more than 3000 bytes") {
		t.Errorf("want a refusal, got %v", err)
	}
}

// gate is a tree whose files open only on request.
type gate struct {
	fstest.MapFS
	asked, open chan struct{}
}

func (g gate) Open(name string) (fs.File, error) {
	if name == "x.yaml" {
		g.asked <- struct{}{}
		<-g.open
	}
	return g.MapFS.Open(name)
}

func TestALateResultIsDiscarded(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Unix(0, 0))
	b := NewBuilder(Options{Clock: clock, Parallel: 1})
	slow := gate{tree{"x.yaml": configMap("x")}.fs(t), make(chan struct{}), make(chan struct{})}
	errs := make(chan error)
	go func() {
		_, err := b.Build(context.Background(), Request{FS: slow, Limits: Limits{Timeout: time.Minute}})
		errs <- err
	}()
	<-slow.asked
	clock.Step(2 * time.Minute)
	if err := <-errs; err == nil || !strings.Contains(err.Error(), "takes longer than 1m0s") {
		t.Errorf("want a timeout, got %v", err)
	}
	close(slow.open)
	got, err := b.Build(t.Context(), Request{FS: tree{"x.yaml": configMap("x")}.fs(t)})
	if err != nil || len(got.Objects) != 1 {
		t.Errorf("the next build does not run: %v", err)
	}
}

func TestAPanicBecomesAnError(t *testing.T) {
	b := NewBuilder(Options{})
	files := tree{"x.yaml": configMap("x")}
	boom := func(*unstructured.Unstructured) (*unstructured.Unstructured, error) { panic("hunter2") }
	_, err := b.Build(t.Context(), Request{FS: files.fs(t), DecryptObject: boom})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("want an error that keeps the value to itself, got %v", err)
	}
	schema := tree{"x.yaml": configMap("x"), "bad.json": "[", "kustomization.yaml": kust("openapi", kust("path", "bad.json"), "resources", []string{"x.yaml"}, "patches", []any{kust("patch", string(contentOf(t, configMap("x", "a", "b"))))})}
	if _, err := b.Build(t.Context(), Request{FS: schema.fs(t)}); err == nil {
		t.Error("a broken schema was accepted")
	}
	if _, err := b.Build(t.Context(), Request{FS: os.DirFS("testdata/trees/sidecar")}); err != nil {
		t.Errorf("the next build suffers: %v", err)
	}
}
