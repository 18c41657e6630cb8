package controller

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

// canaryFile is a file of the machine that no build may read. It is a manifest, a
// list of variables and a patch, so that whatever reads it can go on.
func canaryFile(t *testing.T) (path, canary string) {
	t.Helper()
	canary = "canary-37-" + strings.ToLower(t.Name()[:4])
	path = filepath.Join(t.TempDir(), "outside.yaml")
	content := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: outside}\ndata: {value: " + canary + "}\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, canary
}

// climb is a relative path from deep inside any folder to a file.
func climb(path string) string { return strings.Repeat("../", 40) + strings.TrimPrefix(path, "/") }

// TestNothingOutsideTheArtifactIsRead guards against a build that reads files of the
// controller, such as its token: every field of a kustomization.yaml that takes a
// path, and every field of the spec that does, with a path that leaves the tree and
// with an absolute one.
func TestNothingOutsideTheArtifactIsRead(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	outside, canary := canaryFile(t)
	here := func(k *kustomizev1.Kustomization) { k.Spec.TargetNamespace = r.namespace }
	fields := map[string]string{
		"resources":      "resources: [%s]",
		"components":     "components: [%s]",
		"patches":        "resources: [a.yaml]\npatches: [{path: %s}]",
		"strategic":      "resources: [a.yaml]\npatchesStrategicMerge: [%s]",
		"json6902":       "resources: [a.yaml]\npatchesJson6902: [{path: %s, target: {version: v1, kind: ConfigMap, name: a}}]",
		"files":          "configMapGenerator: [{name: g, files: [%s]}]",
		"envs":           "configMapGenerator: [{name: g, envs: [%s]}]",
		"secrets":        "secretGenerator: [{name: g, files: [%s]}]",
		"configurations": "resources: [a.yaml]\nconfigurations: [%s]",
		"crds":           "resources: [a.yaml]\ncrds: [%s]",
		"openapi":        "resources: [a.yaml]\nopenapi: {path: %s}",
		"replacements":   "resources: [a.yaml]\nreplacements: [{path: %s}]",
		"transformers":   "resources: [a.yaml]\ntransformers: [%s]",
		"generators":     "generators: [%s]",
		"validators":     "resources: [a.yaml]\nvalidators: [%s]",
		"helm":           "helmCharts: [{name: c, valuesFile: %s}]",
	}
	files, units := map[string]string{"empty/a.yaml": r.manifest("empty", "1")}, []*kustomizev1.Kustomization{
		r.unit("spec-path", "./../../..", here), r.unit("spec-absolute", filepath.Dir(outside), here), r.unit("spec-climbs", "./"+climb(filepath.Dir(outside)), here),
		r.unit("spec-components", "./empty", here, func(k *kustomizev1.Kustomization) { k.Spec.Components = []string{climb(filepath.Dir(outside))} }),
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		for kind, path := range map[string]string{"climbs": climb(outside), "absolute": outside, "folder": climb(filepath.Dir(outside))} {
			folder := field + "-" + kind
			files[folder+"/kustomization.yaml"] = fmt.Sprintf(fields[field]+"\n", path)
			files[folder+"/a.yaml"] = r.manifest("a", "1")
			units = append(units, r.unit(folder, "./"+folder, here))
		}
	}
	r.publish(t, "1", files)
	for _, unit := range units {
		g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	}
	for _, unit := range units {
		g.Eventually(r.state(t.Context(), unit), soon).Should(HavePrefix("False "), unit.Name)
		g.Expect(unit.Status.Inventory).To(BeNil(), unit.Name)
		g.Expect(r.spoken(t, unit)).NotTo(ContainSubstring(canary), unit.Name)
	}
	g.Expect(r.gone(t, "a")).To(BeTrue(), "nothing is applied")
	g.Expect(r.gone(t, "outside")).To(BeTrue())
}

// TestLinksInArtifacts guards against links that lead out of an artifact: an archive
// with such entries is refused; symbolic links, which archives of other controllers
// may hold, are ignored wherever they lead.
func TestLinksInArtifacts(t *testing.T) {
	outside, canary := canaryFile(t)
	manifest := tar.Header{Name: "app/b.yaml", Typeflag: tar.TypeReg, Mode: 0o644}
	const refused = "False ArtifactFailed"
	for name, tc := range map[string]struct {
		links []tar.Header
		want  string
	}{
		"SymbolicFile":   {[]tar.Header{{Name: "app/a.yaml", Typeflag: tar.TypeSymlink, Linkname: outside}}, readyAt1},
		"SymbolicFolder": {[]tar.Header{{Name: "app/sub", Typeflag: tar.TypeSymlink, Linkname: filepath.Dir(outside)}}, readyAt1},
		"Chain": {[]tar.Header{
			{Name: "app/one", Typeflag: tar.TypeSymlink, Linkname: "two"},
			{Name: "app/two", Typeflag: tar.TypeSymlink, Linkname: climb(filepath.Dir(outside))},
			{Name: "app/a.yaml", Typeflag: tar.TypeSymlink, Linkname: "one/outside.yaml"},
		}, readyAt1},
		"Slash":    {[]tar.Header{{Name: "app/a.yaml/", Typeflag: tar.TypeSymlink, Linkname: outside}}, readyAt1},
		"Hard":     {[]tar.Header{{Name: "app/a.yaml", Typeflag: tar.TypeLink, Linkname: outside}}, refused},
		"Name":     {[]tar.Header{{Name: climb(outside), Typeflag: tar.TypeReg}}, refused},
		"Absolute": {[]tar.Header{{Name: outside, Typeflag: tar.TypeReg}}, refused},
		"Device":   {[]tar.Header{{Name: "app/a.yaml", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5}}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			r.offer(t, r.packRaw(t, "1", append(tc.links, manifest)))
			unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.TargetNamespace = r.namespace })
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(tc.want))
			if tc.want == readyAt1 {
				g.Expect(unit.Status.Inventory.Entries).To(HaveLen(1))
				g.Expect(r.gone(t, "b")).To(BeFalse())
			}
			g.Expect(r.gone(t, "outside")).To(BeTrue())
			g.Expect(r.spoken(t, unit)).NotTo(ContainSubstring(canary))
			content, err := os.ReadFile(outside)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(content)).To(ContainSubstring(canary), "it is not written to either")
		})
	}
}

// packRaw serves an archive of such entries as an artifact without an index, as
// other controllers make it. Files hold a ConfigMap of their name.
func (r *rig) packRaw(t *testing.T, revision string, entries []tar.Header) *meta.Artifact {
	t.Helper()
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	out := tar.NewWriter(zipped)
	for _, header := range entries {
		body := ""
		if header.Typeflag == tar.TypeReg {
			body = r.manifest(strings.TrimSuffix(filepath.Base(header.Name), ".yaml"), "1")
		}
		header.Size = int64(len(body))
		if err := out.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/%s/raw-%s.tar.gz", r.namespace, revision)
	r.artifacts.mu.Lock()
	r.artifacts.files[path] = archive.Bytes()
	r.artifacts.mu.Unlock()
	return &meta.Artifact{
		Path: path, URL: r.artifacts.URL + path, Revision: "main@sha1:" + revision, LastUpdateTime: metav1.Now(),
		Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(archive.Bytes())),
	}
}

// TestBombsLeaveNeighboursAlone guards against trees that take the controller down
// for all: those that would loop, overflow the stack or fill the memory are refused
// as BuildFailed, and a unit that comes after all of them becomes ready.
func TestBombsLeaveNeighboursAlone(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	files := map[string]string{"app/a.yaml": r.manifest("a", "1")}
	bombs := map[string]map[string]string{
		"self":    {"kustomization.yaml": "resources: [../self]\n"},
		"pair":    {"kustomization.yaml": "resources: [other]\n", "other/kustomization.yaml": "resources: [../../pair]\n"},
		"laughs":  {"a.yaml": laughs(9)},
		"deep":    {"a.yaml": "a: " + strings.Repeat("[", 100_000)},
		"merge":   {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: &d\n  <<: *d\n"},
		"scalar":  {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata: {v: " + strings.Repeat("x", 10<<20) + "}\n"},
		"bytes":   {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"\xff\xfe\"}\n"},
		"patches": squared(2_000),
	}
	chain := map[string]string{}
	for i := range 200 {
		chain[strings.Repeat("d/", i)+"kustomization.yaml"] = "resources: [d]\n"
	}
	bombs["chain"] = chain
	var units []*kustomizev1.Kustomization
	for name, tree := range bombs {
		for path, content := range tree {
			files[name+"/"+path] = content
		}
		units = append(units, r.unit(name, "./"+name))
	}
	r.publish(t, "1", files)
	for _, unit := range units {
		g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	}
	neighbour := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), neighbour)).To(Succeed())
	g.Eventually(r.state(t.Context(), neighbour), soon).Should(Equal(readyAt1))
	for _, unit := range units {
		g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False BuildFailed"), unit.Name)
		g.Expect(len(message(unit))).To(BeNumerically("<=", 1<<10), unit.Name)
	}
}

// laughs is a document whose aliases stand for ten to the power of levels.
func laughs(levels int) string {
	var text strings.Builder
	text.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := range levels {
		fmt.Fprintf(&text, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	return text.String()
}

// squared is n objects and n patches for all of them.
func squared(n int) map[string]string {
	var objects, top strings.Builder
	top.WriteString("resources: [objects.yaml]\npatches:\n")
	for i := range n {
		fmt.Fprintf(&objects, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\n", i)
		fmt.Fprintf(&top, "- {patch: '[{op: add, path: /metadata/labels/l%d, value: x}]', target: {kind: ConfigMap}}\n", i)
	}
	return map[string]string{"objects.yaml": objects.String(), "kustomization.yaml": top.String()}
}
