package inputs_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/delivery/await"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

func unit(change ...func(*kustomizev1.Kustomization)) *kustomizev1.Kustomization {
	u := &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "shop", UID: "1", Generation: 1, ResourceVersion: "1"},
		Spec: kustomizev1.KustomizationSpec{
			Interval: "1h", Path: "./app", Prune: true,
			SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "repo"},
		},
	}
	for _, c := range change {
		c(u)
	}
	return u
}

func TestSettings(t *testing.T) {
	in := &inputs.Inputs{Build: "v1"}
	settings := func(in *inputs.Inputs, u *kustomizev1.Kustomization, references string) string {
		t.Helper()
		digest, err := in.Settings(u, references)
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	before := settings(in, unit(), "Secret/apps/a@1\n")
	cases := map[string]struct {
		why  string
		got  string
		same bool
	}{
		"Again":      {"equal inputs have equal digests", settings(in, unit(), "Secret/apps/a@1\n"), true},
		"Spec":       {"every field of the spec counts", settings(in, unit(func(u *kustomizev1.Kustomization) { u.Spec.NamePrefix = "x-" }), "Secret/apps/a@1\n"), false},
		"Binary":     {"another binary may build otherwise", settings(&inputs.Inputs{Build: "v2"}, unit(), "Secret/apps/a@1\n"), false},
		"Remade":     {"a unit made anew is another one", settings(in, unit(func(u *kustomizev1.Kustomization) { u.UID = "2" }), "Secret/apps/a@1\n"), false},
		"References": {"a Secret changed", settings(in, unit(), "Secret/apps/a@2\n"), false},
		"Boundary":   {"text that moves from one input to the next is another input", settings(&inputs.Inputs{Build: "v11"}, unit(func(u *kustomizev1.Kustomization) { u.UID = "" }), "Secret/apps/a@1\n"), false},
		"Metadata": {"annotations, status and versions change nothing that is built", settings(in, unit(func(u *kustomizev1.Kustomization) {
			u.Annotations, u.ResourceVersion, u.Generation = map[string]string{"reconcile.fluxcd.io/requestedAt": "now"}, "2", 2
			u.Status.LastAppliedRevision = "x"
		}), "Secret/apps/a@1\n"), true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if (tc.got == before) != tc.same {
				t.Errorf("%s: same %v", tc.why, tc.got == before)
			}
		})
	}
}

func TestFoldKeepsBounds(t *testing.T) {
	all := map[string][]string{}
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"}, {"2:ab", "c"}, {}} {
		digest := inputs.Fold(parts...)
		if other, ok := all[digest]; ok {
			t.Errorf("%q and %q have one digest", parts, other)
		}
		all[digest] = parts
	}
}

// published serves artifacts and counts what is asked for.
type published struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
	asked []string
}

func newPublished(t *testing.T) *published {
	t.Helper()
	p := &published{files: map[string][]byte{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = append(p.asked, r.URL.Path)
		content, ok := p.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(p.Close)
	return p
}

// take returns what was asked for since the last call.
func (p *published) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}

func (p *published) publish(t *testing.T, revision string, files map[string]string) (*meta.Artifact, *artifact.Index) {
	t.Helper()
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	var archive bytes.Buffer
	packed, err := artifact.Pack(t.Context(), &archive, tree, artifact.PackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := "/" + revision + ".tar.gz"
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[path], p.files[path+meta.IndexSuffix] = archive.Bytes(), packed.Index.Encode()
	return &meta.Artifact{
		Path: path, URL: p.URL + path, Revision: revision, Digest: packed.Digest,
		Metadata: map[string]string{meta.MetadataIndexDigest: packed.Index.Digest()},
	}, packed.Index
}

// world is a unit that was built from artifact "1".
type world struct {
	*published
	in   *inputs.Inputs
	one  *meta.Artifact
	last unitstate.Attempt
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{published: newPublished(t)}
	cache, err := artifact.NewCache(artifact.CacheOptions{Client: w.Client()})
	if err != nil {
		t.Fatal(err)
	}
	w.in = &inputs.Inputs{Artifacts: cache, Units: unitstate.New(), Sources: &unitstate.Sources{}, Build: "v1"}
	var index *artifact.Index
	w.one, index = w.publish(t, "1", map[string]string{"app/a.yaml": "a", "other/b.yaml": "b"})
	digest, ok := index.File("app/a.yaml")
	if !ok {
		t.Fatal("the index does not have the file")
	}
	settings, err := w.in.SettingsNow(t.Context(), unit())
	if err != nil {
		t.Fatal(err)
	}
	w.last = unitstate.Attempt{
		Complete: true, Settings: settings, Artifact: w.one.Digest,
		Recording: record.Recording{Entries: []record.Entry{
			{Kind: record.KindFile, Path: "app/a.yaml", Digest: digest}, {Kind: record.KindAbsent, Path: "app/kustomization.yaml"},
		}},
	}
	return w
}

func TestUnchanged(t *testing.T) {
	elsewhere := map[string]string{"app/a.yaml": "a", "other/b.yaml": "changed"}
	external := func(u *kustomizev1.Kustomization) { u.Spec.SourceRef.Kind = "ExternalArtifact" }
	cases := map[string]struct {
		why   string
		files map[string]string
		do    func(*world, *meta.Artifact)
		unit  *kustomizev1.Kustomization
		want  bool
		asked []string
	}{
		"Elsewhere":    {"a change elsewhere does not concern it; the index alone shows it", elsewhere, nil, unit(), true, []string{"/2.tar.gz.index"}},
		"Changed":      {"a file it read changed", map[string]string{"app/a.yaml": "changed"}, nil, unit(), false, []string{"/2.tar.gz.index"}},
		"Removed":      {"a file it read is gone", map[string]string{"other/b.yaml": "b"}, nil, unit(), false, []string{"/2.tar.gz.index"}},
		"Appeared":     {"a file it looked for is there now", map[string]string{"app/a.yaml": "a", "app/kustomization.yaml": "x"}, nil, unit(), false, []string{"/2.tar.gz.index"}},
		"NothingRead":  {"a build that is not known to have read anything proves nothing", elsewhere, func(w *world, _ *meta.Artifact) { w.last.Recording.Entries = nil }, unit(), false, nil},
		"Remote":       {"remote bases are in no index", elsewhere, func(w *world, _ *meta.Artifact) { w.last.Recording.Remote = true }, unit(), false, nil},
		"Distrusted":   {"the source published a wrong index before", elsewhere, func(w *world, _ *meta.Artifact) { w.in.Sources.Distrust("GitRepository/apps/repo") }, unit(), false, nil},
		"OtherDoubted": {"that another source did is nothing to it", elsewhere, func(w *world, _ *meta.Artifact) { w.in.Sources.Distrust("GitRepository/apps/other") }, unit(), true, []string{"/2.tar.gz.index"}},
		"NoIndex":      {"a source that publishes none: it is built", elsewhere, func(_ *world, a *meta.Artifact) { a.Metadata = nil }, unit(), false, nil},
		"WrongIndex": {"an index that is not the one named is an error, and it is built", elsewhere, func(_ *world, a *meta.Artifact) {
			a.Metadata[meta.MetadataIndexDigest] = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
		}, unit(), false, []string{"/2.tar.gz.index"}},
		"External":     {"nobody vouches for the index of an ExternalArtifact: the content is read", elsewhere, nil, unit(external), true, []string{"/2.tar.gz"}},
		"ExternalLies": {"nor for what it says of a changed file", map[string]string{"app/a.yaml": "changed"}, func(w *world, a *meta.Artifact) { a.Metadata = w.one.Metadata }, unit(external), false, []string{"/2.tar.gz"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			two, _ := w.publish(t, "2", tc.files)
			if tc.do != nil {
				tc.do(w, two)
			}
			if got := w.in.Unchanged(t.Context(), tc.unit, two, w.last); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
			if diff := cmp.Diff(tc.asked, w.take()); diff != "" {
				t.Errorf("%s: it fetched (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestConcerns(t *testing.T) {
	key := types.NamespacedName{Namespace: "apps", Name: "shop"}
	cases := map[string]struct {
		why  string
		do   func(context.Context, *world)
		unit *kustomizev1.Kustomization
		file string // content of what it read, in the new artifact
		want bool
	}{
		"Elsewhere": {"it counts as having applied it", nil, unit(), "a", false},
		"Changed":   {"a file it read changed", nil, unit(), "changed", true},
		"Unknown":   {"after a restart nothing is known", func(_ context.Context, w *world) { w.in.Units.Forget(key) }, unit(), "a", true},
		"Incomplete": {"the last attempt did not get to its end", func(_ context.Context, w *world) {
			w.last.Complete = false
			w.in.Units.Put(key, "1", unitstate.Unit{Attempt: w.last})
		}, unit(), "a", true},
		"Awaited": {"its objects are applied and not well yet, which the artifact does not change", func(_ context.Context, w *world) {
			w.last.Complete, w.last.Awaiting = false, &await.Wait{}
			w.in.Units.Put(key, "1", unitstate.Unit{Attempt: w.last})
		}, unit(), "a", false},
		"Respecified": {"the spec changed since", nil, unit(func(u *kustomizev1.Kustomization) { u.Spec.Path = "./other" }), "a", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.in.Units.Put(key, "1", unitstate.Unit{Attempt: w.last})
			if tc.do != nil {
				tc.do(t.Context(), w)
			}
			two, _ := w.publish(t, "2", map[string]string{"app/a.yaml": tc.file, "other/b.yaml": "changed"})
			if got := w.in.Concerns(t.Context(), tc.unit, two); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
		})
	}
	t.Run("SameArtifact", func(t *testing.T) {
		w := newWorld(t)
		w.last.Recording.Remote = true
		w.in.Units.Put(key, "1", unitstate.Unit{Attempt: w.last})
		if w.in.Concerns(t.Context(), unit(), w.one) || len(w.take()) > 0 {
			t.Error("the artifact it was built from concerns nobody, and needs no index to know")
		}
	})
}
