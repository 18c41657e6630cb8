package kustomize

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/piece"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

var pieceTrees = flag.Int("pieces.trees", 0, "how many random trees TestPiecesEqualTheLibrary builds; 0 means a hundred and fifty")

// randomTree makes trees for which building in pieces may or may not be right.
type randomTree struct {
	*rand.Rand
	t     testing.TB
	files tree
	next  int
	// odd is how many of a hundred files are not what they should be, clash how
	// many of a hundred names were used before.
	odd, clash int
	// local is how many of a hundred objects are for tools only, under a name
	// that may be taken.
	local int
}

func (r *randomTree) chance(percent int) bool { return r.IntN(100) < percent }

func pick[T any](r *randomTree, from ...T) T { return from[r.IntN(len(from))] }

func (r *randomTree) name() string {
	if r.next > 0 && r.chance(r.clash) {
		return fmt.Sprintf("n%d", r.IntN(r.next))
	}
	r.next++
	return fmt.Sprintf("n%d", r.next-1)
}

func (r *randomTree) object() map[string]any {
	name := r.name()
	named := func(what string) map[string]any {
		m := map[string]any{what: fmt.Sprintf("n%d", r.IntN(r.next+1))}
		if r.chance(10 * r.odd) {
			return map[string]any{what: m}
		}
		return m
	}
	var obj map[string]any
	switch r.IntN(12) {
	case 0, 1, 2:
		obj = configMap(name, "k", pick[any](r, "v", "1e3", "0777", "on", "yes", "null", "", "a\nb\n", "back\\slash", "${x}", "$$", "\u00e9"))
	case 3, 4:
		obj = object("apps/v1", "Deployment", name, "spec", map[string]any{"replicas": pick[any](r, 1, 1.5, "2", nil),
			"selector": kust("matchLabels", kust("app", name)),
			"template": kust("metadata", kust("labels", kust("app", name)), "spec", kust("containers", []any{kust("name", "c", "image", pick(r, "web:1", "web", "other@sha256:aa"),
				"envFrom", []any{kust("configMapRef", named("name")), kust("secretRef", named("name"))})}, "serviceAccountName", name))})
	case 5:
		obj = object("v1", "Service", name, "spec", kust("selector", kust("app", name)))
	case 6:
		obj = object("v1", "ServiceAccount", name, "imagePullSecrets", []any{named("name")})
	case 7:
		obj = object("v1", pick(r, "Namespace", "PersistentVolume", "Secret"), name)
	case 8:
		obj = object("networking.k8s.io/v1", "Ingress", name, "spec", kust("ingressClassName", "x", "rules", []any{kust("http", kust("paths", []any{
			kust("backend", kust("service", named("name")))}))}))
	case 9:
		obj = object("example.com/v1", pick(r, "Widget", "Deployment", "ConfigMap", "WidgetList"), name, "spec", kust("name", kust("name", name), "big", 12345678901234567, "float", 1e30))
	case 10:
		obj = object("rbac.authorization.k8s.io/v1", pick(r, "Role", "ClusterRole"), name, "rules", []any{kust("resourceNames", []any{name, "x"})})
	default:
		obj = r.binding(name)
	}
	r.dress(obj)
	return obj
}

func (r *randomTree) binding(name string) map[string]any {
	subject := func() map[string]any {
		return map[string]any{"kind": "ServiceAccount", "name": pick(r, "default", fmt.Sprintf("n%d", r.IntN(r.next+1))), "namespace": pick(r, "default", "a", "b")}
	}
	switch r.IntN(3) {
	case 0:
		return object("rbac.authorization.k8s.io/v1", pick(r, "RoleBinding", "ClusterRoleBinding"), name, "subjects", []any{subject(), subject()},
			"roleRef", kust("apiGroup", "rbac.authorization.k8s.io", "kind", "Role", "name", name))
	case 1:
		return object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name, "webhooks", []any{
			kust("clientConfig", kust("service", kust("name", fmt.Sprintf("n%d", r.IntN(r.next+1)), "namespace", "a")))})
	}
	return object("apiregistration.k8s.io/v1", "APIService", name, "spec", kust("service", kust("name", name, "namespace", "a")))
}

func (r *randomTree) dress(obj map[string]any) {
	meta := obj["metadata"].(map[string]any)
	if r.chance(40) {
		meta["namespace"] = pick[any](r, "a", "b", "default", "", nil)
	}
	if r.chance(20) {
		meta["annotations"] = pick[any](r, map[string]any{}, map[string]any{"a": "b"}, map[string]any{"n": 5, "b": true}, nil)
	}
	if r.chance(20) {
		meta["labels"] = pick[any](r, map[string]any{}, map[string]any{"a": "b"}, map[string]any{"n": "1e3"}, nil)
	}
	if r.chance(r.local) {
		meta["annotations"] = kust("config.kubernetes.io/local-config", "true")
		meta["name"] = fmt.Sprintf("n%d", r.IntN(r.next))
	}
	if !r.chance(r.odd) {
		return
	}
	switch r.IntN(9) {
	case 0:
		meta["annotations"] = kust("config.kubernetes.io/local-config", pick(r, "true", "false"))
	case 1:
		meta["annotations"] = kust(pick(r, "internal.config.kubernetes.io/previousNames", "internal.config.kubernetes.io/prefixes", "config.kubernetes.io/origin",
			"internal.config.kubernetes.io/needsHashSuffix", "config.kubernetes.io/path", "internal.config.kubernetes.io/helm-generated"), pick(r, "enabled", "x", "true"))
	case 2:
		delete(meta, "name")
		meta["generateName"] = "g-"
	case 3:
		delete(obj, pick(r, "apiVersion", "kind"))
	case 4:
		obj["spec"] = pick[any](r, "text", nil, []any{nil}, 5)
	case 5:
		meta["name"] = pick[any](r, 5, true, nil, "", "a.b:c")
	case 6:
		obj["apiVersion"], obj["kind"] = "kustomize.config.k8s.io/v1beta1", "Kustomization"
	case 7:
		meta["creationTimestamp"] = nil
	default:
		obj["subjects"] = kust("name", "x")
	}
}

func (r *randomTree) text(obj map[string]any) string { return string(contentOf(r.t, obj)) }

// file is the content of a file: usually an object, sometimes several, sometimes
// something nobody should write.
func (r *randomTree) file() any {
	if !r.chance(r.odd) {
		var b strings.Builder
		for range pick(r, 1, 1, 1, 1, 2, 3, 5) {
			b.WriteString("---\n" + r.text(r.object()))
		}
		return b.String()
	}
	one := r.text(r.object())
	switch r.IntN(20) {
	case 0:
		return ""
	case 1:
		return pick(r, "# nothing\n", "---\n", "---\n---\n", "null\n", "{}\n", "[]\n", "text\n", "---\n# a\n---\n# b\n", "5\n")
	case 2:
		return "\ufeff" + one
	case 3:
		return strings.ReplaceAll(one+"---\n"+r.text(r.object()), "\n", "\r\n")
	case 4:
		return one + pick(r, "v:\n\ta: b\n", "v: \xff\n", "a: [\n", "kind: Twice\n", "? [a, b]\n: c\n", "1: 2\n", "v: \u0000\n")
	case 5:
		return one + pick(r, "a: &a {k: v}\nb: *a\n", "a: &a {k: v}\nb:\n  <<: *a\n", "b: *nobody\n")
	case 6:
		return object("v1", "List", "", "items", []any{r.object(), r.object()})
	case 7:
		return r.text(object("v1", pick(r, "ConfigMapList", "List", "WidgetList"), "l", "items", pick[any](r, []any{r.object()}, []any{}, nil, "x", []any{nil}))) + "---\n" + r.text(r.object()) + "---\n" + r.text(r.object())
	case 8:
		return one + "v: " + pick(r, "1e3", "0777", "on", "yes", "1_000", "0x10", "9223372036854775808", "18446744073709551616", ".inf", ".nan", "1e30", "-0",
			"2001-01-01", "2001-01-01T00:00:00Z", "12:30:45", "!!str 1", "!!binary aGk=", "!!binary /w==", "~", "!!int \"3\"", "!custom x", "1.0", "0.1", "+1") + "\n"
	case 9:
		return "---\n" + one + "---   # a comment\n" + r.text(r.object())
	case 10:
		return one + "--- text\n" + r.text(r.object())
	case 11:
		return one + "...\n---\n" + r.text(r.object())
	case 12:
		return "%YAML 1.1\n---\n" + one
	case 13:
		return "# head\n\n" + one + "# foot\n---\n# between\n\n---\n" + r.text(r.object()) + "\n\n"
	case 14:
		return strings.TrimSuffix(one, "\n") + "\n---"
	case 15:
		return strings.ReplaceAll(one, "metadata:", "\"meta\\x64ata\":")
	case 16:
		return one + "list:\n- a\n-\n"
	case 17:
		return asJSON(r.t, []*unstructured.Unstructured{{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": r.name()}}}})
	case 18:
		return one + "metadata: {name: again}\n"
	default:
		// So many documents that the file is cut.
		var b strings.Builder
		for range 100 + r.IntN(150) {
			b.WriteString(pick(r, "---\n", "---\n", "---\n---\n", "--- # x\n") + r.text(r.object()))
		}
		return pick(r, b.String(), strings.ReplaceAll(b.String(), "\n", "\r\n"), strings.TrimPrefix(b.String(), "---\n"))
	}
}

// dir fills a directory and returns how a parent lists it.
func (r *randomTree) dir(dir string, depth int, withFile bool) {
	var entries []string
	for i := range 1 + r.IntN(pick(r, 4, 12, 40)) {
		name := fmt.Sprintf("f%02d.yaml", i)
		r.files[path.Join(dir, name)] = r.file()
		entries = append(entries, name)
	}
	for i := range r.IntN(3 - min(depth, 2)) {
		name := fmt.Sprintf("d%d", i)
		r.dir(path.Join(dir, name), depth+1, withFile || r.chance(70))
		entries = append(entries, name)
	}
	if !withFile {
		return
	}
	r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	if r.chance(r.odd) {
		entries = append(entries, pick(r, entries[0], "absent.yaml", "../"+path.Base(dir), ".", "f00.yaml/", "./f00.yaml", "kustomization.yaml", ""))
	}
	r.files[path.Join(dir, pick(r, "kustomization.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization"))] = r.kustomization(entries)
}

func (r *randomTree) kustomization(entries []string) map[string]any {
	k := kust("resources", entries)
	if r.chance(30) {
		k["namespace"] = pick(r, "prod", "a", "default")
	}
	if r.chance(20) {
		k["images"] = []any{kust("name", "web", "newTag", "2", "newName", pick(r, "web", "w"))}
	}
	if r.chance(20) {
		k["labels"] = []any{kust("pairs", kust("team", "x"), "includeSelectors", r.chance(30), "includeTemplates", r.chance(30))}
	}
	if r.chance(20) {
		k[pick(r, "commonLabels", "commonAnnotations")] = kust("common", "x")
	}
	if r.chance(25) {
		k["buildMetadata"] = pick(r, []string{"originAnnotations"}, []string{"transformerAnnotations"}, []string{"managedByLabel"}, []string{"originAnnotations", "transformerAnnotations"})
	}
	if r.chance(r.odd / 2) {
		switch r.IntN(8) {
		case 0:
			k["namePrefix"] = "p-"
		case 1:
			k["configMapGenerator"] = []any{kust("name", r.name(), "literals", []string{"a=b"})}
		case 2:
			k["patches"] = []any{kust("target", kust("kind", "ConfigMap"), "patch", `[{"op":"add","path":"/data/x","value":"y"}]`)}
		case 3:
			k["sortOptions"] = kust("order", "legacy")
		case 4:
			k["commonAnnotations"] = kust("config.kubernetes.io/local-config", "true")
		case 5:
			k["kind"] = pick(r, "Component", "Other")
		case 6:
			k["apiVersion"] = "v2"
		default:
			k["replicas"] = []any{kust("name", "n1", "count", 3)}
		}
	}
	return k
}

func randomRequest(t testing.TB, seed uint64) Request {
	r := &randomTree{Rand: rand.New(rand.NewPCG(seed, 1)), t: t, files: tree{}} //nolint:gosec // a test wants the same numbers again
	r.odd, r.clash = pick(r, 0, 0, 1, 4), pick(r, 0, 0, 0, 1)
	r.local = pick(r, 0, 0, 0, 5)
	r.dir(".", 0, r.chance(50))
	req := Request{FS: r.files.fs(t)}
	if r.chance(30) {
		req.Overlay.TargetNamespace = "target"
	}
	if r.chance(20) {
		req.Overlay.Images = []Image{{Name: "web", NewTag: "3"}}
	}
	if r.chance(10) {
		req.Overlay.BuildMetadata = []string{"originAnnotations"}
	}
	if r.chance(20) {
		req.Overlay.Labels = map[string]string{"common": "y"}
	}
	if r.chance(20) {
		req.Substitution = &substitute.Variables{Values: map[string]string{"x": "1"}, Strict: r.chance(50)}
	}
	return req
}

// fresh returns a Builder that shares b's schema and builds in pieces whatever it
// can: pieces so small that all that two objects can do to each other happens
// between two of them.
func (b *Builder) fresh() *Builder {
	out := *b
	out.pieces = &pieces{cache: piece.NewCache(1<<26, 2), least: 1}
	return &out
}

func TestPiecesEqualTheLibrary(t *testing.T) {
	trees := *pieceTrees
	if trees == 0 {
		trees = 150
	}
	whole := NewBuilder(Options{NoPieces: true})
	inPieces, failed := 0, 0
	for seed := range uint64(trees) { //nolint:gosec // not negative
		req := randomRequest(t, seed)
		want, wantErr := whole.Build(t.Context(), req)
		b := whole.fresh()
		for _, turn := range []string{"first", "again"} {
			got, err := b.Build(t.Context(), req)
			if diff := cmp.Diff(fmt.Sprint(wantErr), fmt.Sprint(err)); diff != "" {
				t.Fatalf("tree %d, %s: the errors differ (-library +pieces):\n%s", seed, turn, diff)
			}
			if err != nil {
				failed++
				break
			}
			if diff := cmp.Diff(want.Objects, got.Objects); diff != "" {
				t.Fatalf("tree %d, %s: the objects differ (-library +pieces):\n%s", seed, turn, diff)
			}
			if diff := cmp.Diff(want.Recording, got.Recording); diff != "" {
				t.Fatalf("tree %d, %s: the recordings differ (-library +pieces):\n%s", seed, turn, diff)
			}
			if len(got.Objects) > 0 && got.Identity(got.Objects[0]) != "" {
				inPieces++
			}
		}
	}
	t.Logf("%d trees: %d fail, %d built in pieces, twice each", trees, failed, inPieces/2)
	if inPieces < trees/2 || failed < trees/20 {
		t.Error("the trees prove too little")
	}
}

func TestIdentityMeansEqualObjects(t *testing.T) {
	b := NewBuilder(Options{NoPieces: true}).fresh()
	const seed = 11
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a test wants the same numbers again
	files := bigTree(t, 300)
	seen := map[string]string{}
	kept := 0
	for i := range 40 {
		change(files, i%7)
		files[fmt.Sprintf("team-01/new-%d.yaml", r.IntN(9))] = &fstest.MapFile{Data: contentOf(t, configMap(fmt.Sprintf("new-%d", r.IntN(1e6)), "k", "${x}"))}
		req := Request{FS: files, Substitution: &substitute.Variables{Values: map[string]string{"x": fmt.Sprint(r.IntN(2))}}}
		if r.IntN(2) == 0 {
			req.Overlay = Overlay{Labels: map[string]string{"a": "b"}}
		}
		got, err := b.Build(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, obj := range got.Objects {
			id, text := got.Identity(obj), asJSON(t, []*unstructured.Unstructured{obj})
			if id == "" {
				t.Fatalf("%s has no identity", nameOf(obj))
			}
			if old, ok := seen[id]; ok && old != text {
				t.Fatalf("one identity, two objects:\n%s", cmp.Diff(old, text))
			} else if ok {
				kept++
			}
			seen[id] = text
		}
	}
	if kept < 40*100 {
		t.Errorf("only %d objects kept their identity", kept)
	}
}

func TestObjectsOfPiecesAreTheCallersToChange(t *testing.T) {
	b := NewBuilder(Options{})
	files := bigTree(t, 100)
	one, err := b.Build(t.Context(), Request{FS: files})
	if err != nil {
		t.Fatal(err)
	}
	want := asJSON(t, one.Objects)
	for _, obj := range one.Objects {
		obj.Object["metadata"].(map[string]any)["labels"].(map[string]any)["mine"] = "yes"
	}
	for range 2 {
		two, err := b.Build(t.Context(), Request{FS: files})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, asJSON(t, two.Objects)); diff != "" {
			t.Fatalf("what one caller changed another sees:\n%s", diff)
		}
		for _, obj := range two.Objects {
			obj.SetName("changed")
		}
	}
}

func TestPiecesKeepTheLimits(t *testing.T) {
	whole := NewBuilder(Options{NoPieces: true})
	for name, limits := range map[string]Limits{
		"Files": {Files: 50}, "FileBytes": {FileBytes: 20}, "Bytes": {Bytes: 3000}, "Objects": {Objects: 99},
		"ObjectBytes": {ObjectBytes: 60}, "OutputBytes": {OutputBytes: 1000}, "Enough": {Objects: 100, Files: 120},
	} {
		t.Run(name, func(t *testing.T) {
			req := Request{FS: bigTree(t, 100), Limits: limits}
			_, want := whole.Build(t.Context(), req)
			_, got := whole.fresh().Build(t.Context(), req)
			if (want == nil) != (name == "Enough") || fmt.Sprint(want) != fmt.Sprint(got) {
				t.Errorf("together: %v\nin pieces: %v", want, got)
			}
		})
	}
}

func TestPiecesEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := NewBuilder(Options{})
	files := bigTree(t, 100)
	stop := cancelOn{MapFS: files, name: "team-00/app-0050.yaml", cancel: cancel}
	if _, err := b.Build(ctx, Request{FS: stop}); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("want a cancelled build, got %v", err)
	}
}

// cancelOn cancels a build when it opens a certain file.
type cancelOn struct {
	fstest.MapFS
	name   string
	cancel context.CancelFunc
}

func (c cancelOn) Open(name string) (fs.File, error) {
	if name == c.name {
		c.cancel()
	}
	return c.MapFS.Open(name)
}
