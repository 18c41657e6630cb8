package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
)

// contents are the ConfigMaps and Secrets of a test, by name.
type contents map[string]map[string]string

func (c contents) read(_ context.Context, ref reference.Reference) (map[string][]byte, error) {
	if c == nil {
		return nil, errors.New("connection refused")
	}
	found, ok := c[ref.Kind+"/"+ref.Namespace+"/"+ref.Name]
	if !ok {
		return nil, nil
	}
	data := map[string][]byte{}
	for key, value := range found {
		data[key] = []byte(value)
	}
	return data, nil
}

// world is a Builder with artifacts to build.
type world struct {
	*Builder
	t          *testing.T
	server     *httptest.Server
	distrusted []string

	mu    sync.Mutex
	files map[string][]byte
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, files: map[string][]byte{}}
	w.server = httptest.NewServer(http.HandlerFunc(func(resp http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		content, ok := w.files[r.URL.Path]
		w.mu.Unlock()
		if !ok {
			http.NotFound(resp, r)
			return
		}
		_, _ = resp.Write(content)
	}))
	t.Cleanup(w.server.Close)
	cache, err := artifact.NewCache(artifact.CacheOptions{Client: w.server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	owner, err := request.Owner()
	if err != nil {
		t.Fatal(err)
	}
	w.Builder = &Builder{
		Artifacts: cache, Kustomize: kustomize.NewBuilder(kustomize.Options{}), Contents: contents{}.read,
		Owner: owner, Key: inventory.Key("key"), Strict: true,
		Distrust: func(source string) { w.distrusted = append(w.distrusted, source) },
	}
	return w
}

func (w *world) publish(revision string, files map[string]string) *meta.Artifact {
	w.t.Helper()
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	var archive bytes.Buffer
	packed, err := artifact.Pack(w.t.Context(), &archive, tree, artifact.PackOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	path := "/" + revision + ".tar.gz"
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files[path] = archive.Bytes()
	return &meta.Artifact{
		Path: path, URL: w.server.URL + path, Revision: revision, Digest: packed.Digest,
		Metadata: map[string]string{meta.MetadataIndexDigest: packed.Index.Digest()},
	}
}

func (w *world) built(u *kustomizev1.Kustomization, a *meta.Artifact) *Result {
	w.t.Helper()
	built, err := w.Build(w.t.Context(), u, a, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return built
}

func unit(change ...func(*kustomizev1.Kustomization)) *kustomizev1.Kustomization {
	u := &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "shop", UID: "1"},
		Spec: kustomizev1.KustomizationSpec{
			Path: "./app", SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "repo"},
		},
	}
	for _, c := range change {
		c(u)
	}
	return u
}

func configMap(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: apps}\ndata: {value: \"" + value + "\"}\n"
}

func substituting(values map[string]string, from ...kustomizev1.SubstituteReference) func(*kustomizev1.Kustomization) {
	return func(u *kustomizev1.Kustomization) {
		u.Spec.PostBuild = &kustomizev1.PostBuild{Substitute: values, SubstituteFrom: from}
	}
}

func TestVariables(t *testing.T) {
	const config, secret = reference.KindConfigMap, reference.KindSecret
	from := func(kind, name string) kustomizev1.SubstituteReference {
		return kustomizev1.SubstituteReference{Kind: kind, Name: name}
	}
	there := contents{
		"ConfigMap/apps/plain": {"a": "plain", "b": "plain"}, "Secret/apps/secret": {"b": "secret", "c": "secret"}, "ConfigMap/other/far": {"a": "far"},
	}
	cases := map[string]struct {
		why       string
		unit      *kustomizev1.Kustomization
		values    map[string]string
		sensitive map[string]bool
	}{
		"None":         {"a spec without postBuild substitutes nothing", unit(), nil, nil},
		"LaterWins":    {"the Secret is named last", unit(substituting(nil, from(config, "plain"), from(secret, "secret"))), map[string]string{"a": "plain", "b": "secret", "c": "secret"}, map[string]bool{"b": true, "c": true}},
		"EarlierLoses": {"a name that a ConfigMap sets again is no secret any more: its value is another", unit(substituting(nil, from(secret, "secret"), from(config, "plain"))), map[string]string{"a": "plain", "b": "plain", "c": "secret"}, map[string]bool{"c": true}},
		"SpecWins":     {"what the spec says is in the open, and wins", unit(substituting(map[string]string{"b": "spec"}, from(secret, "secret"))), map[string]string{"b": "spec", "c": "secret"}, map[string]bool{"c": true}},
		"Optional":     {"what is optional may be missing", unit(substituting(map[string]string{"a": "spec"}, kustomizev1.SubstituteReference{Kind: config, Name: "none", Optional: true})), map[string]string{"a": "spec"}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := &Builder{Contents: there.read, Strict: true}
			got, err := b.variables(t.Context(), tc.unit)
			if err != nil {
				t.Fatal(err)
			}
			if tc.values == nil {
				if got != nil {
					t.Errorf("%s: %+v", tc.why, got)
				}
				return
			}
			maps.DeleteFunc(got.Sensitive, func(_ string, sensitive bool) bool { return !sensitive })
			if len(got.Sensitive) == 0 {
				got.Sensitive = nil
			}
			if diff := cmp.Diff(tc.values, got.Values); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.sensitive, got.Sensitive); diff != "" {
				t.Errorf("%s: sensitive (-want +got):\n%s", tc.why, diff)
			}
			if !got.Strict || got.Always {
				t.Errorf("strict %v, always %v", got.Strict, got.Always)
			}
		})
	}
}

func TestVariablesThatCannotBeRead(t *testing.T) {
	required := unit(substituting(nil, kustomizev1.SubstituteReference{Kind: "Secret", Name: "none"}))
	optional := unit(substituting(nil, kustomizev1.SubstituteReference{Kind: "Secret", Name: "none", Optional: true}))
	cases := map[string]struct {
		why  string
		unit *kustomizev1.Kustomization
		from contents
		want string
	}{
		"Missing":  {"it is not optional", required, contents{}, "reading spec.postBuild.substituteFrom[0]: Secret apps/none: it does not exist"},
		"Broken":   {"what cannot be read is not missing", optional, nil, "connection refused"},
		"Required": {"nor if it is required", required, nil, "connection refused"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := (&Builder{Contents: tc.from.read}).variables(t.Context(), tc.unit)
			if f := fault.Of(err); err == nil || f.Reason != meta.ReasonBuildFailed || f.Class != fault.ClassRetry || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
}

func TestStrategy(t *testing.T) {
	always := unit(substituting(nil), func(u *kustomizev1.Kustomization) { u.Spec.PostBuild.SubstituteStrategy = kustomizev1.SubstituteAlways })
	got, err := (&Builder{}).variables(t.Context(), always)
	if err != nil || !got.Always || got.Strict {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestDigests says that an object that was built before has the digest it had, and comes in the form it had when it is
// asked for.
func TestDigests(t *testing.T) {
	w := newWorld(t)
	// Objects are known again in trees that are large enough for it to be worth it.
	tree := func(value string) map[string]string {
		files := map[string]string{"app/a.yaml": configMap("a", value), "app/b.yaml": configMap("b", "1")}
		for i := range 100 {
			files[fmt.Sprintf("app/c%d.yaml", i)] = configMap(fmt.Sprintf("c%d", i), "1")
		}
		return files
	}
	one := w.publish("1", tree("1"))
	first := w.built(unit(), one)
	again := w.built(unit(), one)
	changed := w.built(unit(), w.publish("2", tree("2")))
	other := w.built(unit(func(u *kustomizev1.Kustomization) { u.Name, u.UID = "other", "2" }), one)
	if first.Objects[0].Raw || !again.Objects[0].Raw {
		t.Fatalf("raw %v, then %v; what is built again need not be normalised", first.Objects[0].Raw, again.Objects[0].Raw)
	}
	cases := map[string]struct {
		why  string
		got  Object
		with Object
		same bool
	}{
		"Again":     {"the same object has the same digest", again.Objects[0], first.Objects[0], true},
		"Changed":   {"another content has another", changed.Objects[0], first.Objects[0], false},
		"Untouched": {"that of its neighbour stays", changed.Objects[1], first.Objects[1], true},
		"OtherUnit": {"another unit puts other labels on it", other.Objects[0], first.Objects[0], false},
		"Neighbour": {"another object has another", first.Objects[1], first.Objects[0], false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.got.Digest == tc.with.Digest; got != tc.same {
				t.Errorf("%s: same %v", tc.why, got)
			}
		})
	}
	for i := range first.Objects {
		normal, err := w.Normal(unit(), again.Objects[i])
		if err != nil {
			t.Fatal(err)
		}
		want, err := w.Normal(unit(), first.Objects[i])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Object, normal.Object); diff != "" {
			t.Errorf("normalised later it is another object (-first +later):\n%s", diff)
		}
		if labels := normal.GetLabels(); labels[kustomizev1.LabelName] != "shop" || labels[kustomizev1.LabelNamespace] != "apps" {
			t.Errorf("it does not say whose it is: %v", labels)
		}
	}
	if first.Digest() != again.Digest() || first.Digest() == changed.Digest() {
		t.Errorf("digests of what was built: %s, again %s, changed %s", first.Digest(), again.Digest(), changed.Digest())
	}
}

func TestDigestsOfObjectsWithoutName(t *testing.T) {
	var m digests
	m.add(digestKey{unit: "1"}, inventory.DesiredDigest{1})
	if _, known := m.get(digestKey{unit: "1"}); known {
		t.Error("an object of which nothing is known would have the digest of another")
	}
	m.add(digestKey{unit: "1", object: "a"}, inventory.DesiredDigest{1})
	if _, known := m.get(digestKey{unit: "2", object: "a"}); known {
		t.Error("a unit has the digest of another's object")
	}
	if digest, known := m.get(digestKey{unit: "1", object: "a"}); !known || digest != (inventory.DesiredDigest{1}) {
		t.Errorf("kept %v, %v", digest, known)
	}
}

func TestBuildOrdersAndMarksSensitive(t *testing.T) {
	w := newWorld(t)
	w.Contents = contents{"Secret/apps/secret": {"password": "canary"}}.read
	a := w.publish("1", map[string]string{
		"app/z.yaml": configMap("z", "${password}"), "app/a.yaml": configMap("a", "open"),
		"app/ns.yaml":    "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n",
		"app/secret.yml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: apps}\n",
	})
	built := w.built(unit(substituting(nil, kustomizev1.SubstituteReference{Kind: "Secret", Name: "secret"})), a)
	got := map[string]bool{}
	var order []string
	for i, d := range built.Objects {
		got[d.Name] = d.Sensitive
		order = append(order, d.Name)
		if built.IDs()[i] != d.ID {
			t.Errorf("identity %s at the place of %s", built.IDs()[i], d.ID)
		}
	}
	if order[0] != "apps" {
		t.Errorf("the namespace comes first: %q", order)
	}
	if diff := cmp.Diff(map[string]bool{"apps": false, "a": false, "z": true, "s": true}, got); diff != "" {
		t.Errorf("what holds a secret value is kept out of errors (-want +got):\n%s", diff)
	}
	if len(built.Recording.Entries) == 0 {
		t.Error("nothing is known of what the build read")
	}
}

func TestArtifactThatCannotBeFetched(t *testing.T) {
	cases := map[string]struct {
		why     string
		do      func(*world, *meta.Artifact)
		class   fault.Class
		passing bool
	}{
		"Gone":    {"the source has a newer one by now", func(_ *world, a *meta.Artifact) { a.URL += "x" }, fault.ClassWait, true},
		"Wrong":   {"content that is not what was announced stays wrong", func(_ *world, a *meta.Artifact) { a.Digest = "sha256:" + strings.Repeat("0", 64) }, fault.ClassRetry, false},
		"Refused": {"a server that does not answer may answer next time", func(w *world, _ *meta.Artifact) { w.server.Close() }, fault.ClassRetry, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("1", map[string]string{"app/a.yaml": configMap("a", "1")})
			tc.do(w, a)
			_, err := w.Build(t.Context(), unit(), a, "")
			f := fault.Of(err)
			if err == nil || f.Reason != meta.ReasonArtifactFailed || f.Class != tc.class {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if !strings.Contains(err.Error(), "fetching artifact of revision 1") {
				t.Errorf("it does not say of which revision: %v", err)
			}
			var fetch *FetchError
			if errors.As(err, &fetch) && fetch.Passing() != tc.passing {
				t.Errorf("%s: passing %v: %v", tc.why, fetch.Passing(), err)
			}
			if fetch == nil {
				t.Errorf("nobody could count the attempts: %v", err)
			}
		})
	}
}

func TestDistrust(t *testing.T) {
	cases := map[string]struct {
		why  string
		kind string
		do   func(*meta.Artifact)
		want []string
	}{
		"Right":    {"the index describes the artifact", "GitRepository", func(*meta.Artifact) {}, nil},
		"Wrong":    {"it describes another", "GitRepository", func(a *meta.Artifact) { a.Metadata[meta.MetadataIndexDigest] = "sha256:other" }, []string{"GitRepository/apps/repo"}},
		"None":     {"not every source publishes one", "GitRepository", func(a *meta.Artifact) { a.Metadata = nil }, nil},
		"External": {"that of an ExternalArtifact is not believed anyway", "ExternalArtifact", func(a *meta.Artifact) { a.Metadata[meta.MetadataIndexDigest] = "sha256:other" }, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("1", map[string]string{"app/a.yaml": configMap("a", "1")})
			tc.do(a)
			w.built(unit(func(u *kustomizev1.Kustomization) { u.Spec.SourceRef.Kind = tc.kind }), a)
			if diff := cmp.Diff(tc.want, w.distrusted); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestRemoteBasesAreRefusedWithoutFetcher(t *testing.T) {
	w := newWorld(t)
	a := w.publish("1", map[string]string{"app/kustomization.yaml": "resources: [https://git.example.com/base.git//x?ref=v1]\n"})
	_, err := w.Build(t.Context(), unit(), a, "")
	if f := fault.Of(err); err == nil || f.Reason != meta.ReasonBuildFailed {
		t.Errorf("got %v", err)
	}
}
