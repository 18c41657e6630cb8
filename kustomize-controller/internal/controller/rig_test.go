package controller

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/status"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
	"github.com/capstan-gitops/capstan/pkg/testkit/wallclock"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(stopElsewhere(env.Main(m, &testEnv))) }

// soon bounds every wait for the controller; it is generous, because machines
// are shared.
const soon = 20 * time.Second

// rig is kustomize-controller running against the test cluster. Tests that want
// the same flags share one, each in a namespace of its own. The controllers are
// shards of each other: each reconciles the units that carry its label.
type rig struct {
	client.Client
	namespace string
	shard     string
	artifacts *artifactServer
	requests  *requestLog
	clock     *wallclock.Clock
	metrics   *prometheus.Registry
}

var rigs = struct {
	sync.Mutex
	byFlags map[string]*rig
}{byFlags: map[string]*rig{}}

// shardKey is the label by which rigs divide the units.
const shardKey = "sharding.fluxcd.io/key"

func startRig(shard string, flags []string) (*rig, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, kustomizev1.AddToScheme, sourcev1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c, err := client.New(testEnv.Config(), client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	selector := "!" + shardKey
	if shard != "" {
		selector = shardKey + "=" + shard
	}
	cfg, err := config.Parse(append([]string{
		"--metrics-addr=0", "--health-addr=0", "--log-level=error", "--watch-label-selector=" + selector,
	}, flags...))
	if err != nil {
		return nil, err
	}
	r := &rig{
		Client: c, shard: shard, artifacts: newArtifactServer(), requests: &requestLog{},
		clock: &wallclock.Clock{}, metrics: prometheus.NewRegistry(),
	}
	rest := testEnv.Config()
	rest.Wrap(r.requests.wrap)
	go func() {
		binary := Binary(cfg)
		binary.Registry, binary.Clock = r.metrics, r.clock
		if err := app.RunOn(context.Background(), rest, binary); err != nil {
			panic(err)
		}
	}()
	return r, nil
}

// newRig returns a rig with the given flags and a namespace for the test.
func newRig(t *testing.T, flags ...string) *rig {
	t.Helper()
	rigs.Lock()
	defer rigs.Unlock()
	key := strings.Join(flags, " ")
	if rigs.byFlags[key] == nil {
		shard := ""
		if len(flags) > 0 {
			shard = fmt.Sprintf("shard%d", len(rigs.byFlags)+1)
		}
		started, err := startRig(shard, flags)
		if err != nil {
			t.Fatal(err)
		}
		rigs.byFlags[key] = started
	}
	r := *rigs.byFlags[key]
	r.namespace = env.Namespace(t, r.Client)
	return &r
}

// requestLog counts the requests of the controller.
type requestLog struct {
	mu   sync.Mutex
	seen []string
	// answer, if set, may answer a request in place of the API server.
	answer func(*http.Request) *http.Response
	// watches are the answers to watches that are being read.
	watches map[*watchBody]bool
}

// watchBody is the answer to a watch; closing it cuts the connection.
type watchBody struct {
	io.ReadCloser
	log  *requestLog
	path string
}

// Close ends the watch.
func (b *watchBody) Close() error {
	b.log.mu.Lock()
	delete(b.log.watches, b)
	b.log.mu.Unlock()
	return b.ReadCloser.Close()
}

// cut ends the watches of chosen paths and returns how many there were.
func (l *requestLog) cut(chosen func(path string) bool) int {
	l.mu.Lock()
	open := slices.Collect(maps.Keys(l.watches))
	l.mu.Unlock()
	open = slices.DeleteFunc(open, func(b *watchBody) bool { return !chosen(b.path) })
	for _, body := range open {
		_ = body.Close()
	}
	return len(open)
}

// watched follows the answer to a watch.
func (l *requestLog) watched(path string, resp *http.Response, err error) (*http.Response, error) {
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body := &watchBody{ReadCloser: resp.Body, log: l, path: path}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watches == nil {
		l.watches = map[*watchBody]bool{}
	}
	l.watches[body] = true
	resp.Body = body
	return resp, nil
}

// tamper sets who may answer in place of the API server; nil ends it.
func (l *requestLog) tamper(answer func(*http.Request) *http.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

func (l *requestLog) tampered(r *http.Request) *http.Response {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.answer == nil {
		return nil
	}
	return l.answer(r)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (l *requestLog) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("watch") == "" {
			l.mu.Lock()
			l.seen = append(l.seen, r.Method+" "+r.URL.RequestURI())
			l.mu.Unlock()
		}
		if resp := l.tampered(r); resp != nil {
			return resp, nil
		}
		if r.URL.Query().Get("watch") != "" {
			resp, err := next.RoundTrip(r)
			return l.watched(r.URL.Path, resp, err)
		}
		return next.RoundTrip(r)
	})
}

// about returns the requests from an index on that concern a namespace, without
// events: those are sent outside of the pass, at a time that nothing depends on.
func (l *requestLog) about(namespace string, from int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.seen[from:] {
		if strings.Contains(line, "/"+namespace+"/") && !strings.Contains(line, "/events") {
			found = append(found, line)
		}
	}
	return found
}

// end returns the index at which the next request will stand.
func (l *requestLog) end() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen)
}

// artifactServer serves artifacts as source-controller does.
type artifactServer struct {
	*httptest.Server
	mu      sync.Mutex
	files   map[string][]byte
	missing map[string]int
}

// miss makes the next n requests for a file be answered with 404.
func (s *artifactServer) miss(path string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing[path] = n
}

func newArtifactServer() *artifactServer {
	s := &artifactServer{files: map[string][]byte{}, missing: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		content, ok := s.files[r.URL.Path]
		if s.missing[r.URL.Path] > 0 {
			s.missing[r.URL.Path]--
			ok = false
		}
		s.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	return s
}

// publish offers a tree through a GitRepository named repo.
func (r *rig) publish(t *testing.T, revision string, files map[string]string) *meta.Artifact {
	t.Helper()
	a := r.pack(t, revision, files)
	r.offer(t, a)
	return a
}

// pack serves a tree as an artifact.
func (r *rig) pack(t *testing.T, revision string, files map[string]string) *meta.Artifact {
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
	path := fmt.Sprintf("/%s/%s.tar.gz", r.namespace, revision)
	r.artifacts.mu.Lock()
	r.artifacts.files[path] = archive.Bytes()
	r.artifacts.files[path+meta.IndexSuffix] = packed.Index.Encode()
	r.artifacts.mu.Unlock()
	return &meta.Artifact{
		Path: path, URL: r.artifacts.URL + path, Revision: "main@sha1:" + revision, Digest: packed.Digest,
		LastUpdateTime: metav1.Now(), Metadata: map[string]string{meta.MetadataIndexDigest: packed.Index.Digest()},
	}
}

// offer writes an artifact into the status of the GitRepository repo.
func (r *rig) offer(t *testing.T, a *meta.Artifact) {
	t.Helper()
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "repo"}}
	repo.Spec = sourcev1.GitRepositorySpec{URL: "http://localhost/repo.git", Interval: "1h"}
	r.offerAs(t, repo, func() { repo.Status.Artifact = a })
}

// offerAs makes a source if need be and sets its status.
func (r *rig) offerAs(t *testing.T, repo client.Object, set func()) {
	t.Helper()
	if repo.GetResourceVersion() == "" {
		if err := client.IgnoreAlreadyExists(r.Create(t.Context(), repo)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Get(t.Context(), client.ObjectKeyFromObject(repo), repo); err != nil {
		t.Fatal(err)
	}
	before := client.MergeFrom(repo.DeepCopyObject().(client.Object))
	set()
	if err := r.Status().Patch(t.Context(), repo, before); err != nil {
		t.Fatal(err)
	}
}

// unit returns a Kustomization of the test's source.
func (r *rig) unit(name, path string, change ...func(*kustomizev1.Kustomization)) *kustomizev1.Kustomization {
	obj := &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: name},
		Spec: kustomizev1.KustomizationSpec{
			Interval: "1h", RetryInterval: "1h", Path: path, Prune: true,
			SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Name: "repo"},
		},
	}
	if r.shard != "" {
		obj.Labels = map[string]string{shardKey: r.shard}
	}
	for _, c := range change {
		c(obj)
	}
	return obj
}

// state returns the Ready condition and the applied revision as they are now.
func (r *rig) state(ctx context.Context, obj *kustomizev1.Kustomization) func() (string, error) {
	return func() (string, error) {
		if err := r.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return "", err
		}
		c := status.Find(obj.Status.Conditions, meta.ConditionReady)
		if c == nil {
			return "none", nil
		}
		return strings.TrimSpace(string(c.Status) + " " + c.Reason + " " + obj.Status.LastAppliedRevision), nil
	}
}

// message returns the message of Ready.
func message(obj *kustomizev1.Kustomization) string {
	if c := status.Find(obj.Status.Conditions, meta.ConditionReady); c != nil {
		return c.Message
	}
	return ""
}

// ask requests a reconcile as the CLI does.
func (r *rig) ask(t *testing.T, obj *kustomizev1.Kustomization, key, value string) {
	t.Helper()
	before := client.MergeFrom(obj.DeepCopy())
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	obj.SetAnnotations(annotations)
	if err := r.Patch(t.Context(), obj, before); err != nil {
		t.Fatal(err)
	}
}

// configMap reads a ConfigMap of the test's namespace.
func (r *rig) configMap(ctx context.Context, name string) (*corev1.ConfigMap, error) {
	cm := &corev1.ConfigMap{}
	return cm, r.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: name}, cm)
}

// manifest returns the YAML of a ConfigMap.
func (r *rig) manifest(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {value: %q, other: x}\n", name, r.namespace, value)
}
