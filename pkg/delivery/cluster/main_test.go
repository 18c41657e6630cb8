package cluster_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

// soon bounds every wait; it is generous, because machines are shared.
const soon = 20 * time.Second

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.NoCRDs())) }

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

func name(s string) types.NamespacedName { return types.NamespacedName{Namespace: "apps", Name: s} }

// watches counts the watches that are open at a server that answers nothing else.
type watches struct {
	mu   sync.Mutex
	open int
}

func (w *watches) add(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open += n
}

func (w *watches) now() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}

// ServeHTTP holds a watch until its client ends it; lists are empty.
func (w *watches) ServeHTTP(resp http.ResponseWriter, r *http.Request) {
	resp.Header().Set("Content-Type", "application/json")
	if r.URL.Query().Get("watch") == "" {
		_, _ = resp.Write([]byte(`{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}`))
		return
	}
	w.add(1)
	defer w.add(-1)
	_ = http.NewResponseController(resp).Flush()
	<-r.Context().Done()
}

// world is a pool. The other clusters are the test's API server under other names.
type world struct {
	t      *testing.T
	pool   *cluster.Pool
	opened []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	w.mapping(mapperFor)
	return w
}

// mapping makes the pool anew, with what finds the kinds of other clusters.
func (w *world) mapping(other func(*rest.Config) (apimeta.RESTMapper, error)) {
	w.t.Helper()
	config := testEnv.Config()
	mapper, err := mapperFor(config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.pool, err = cluster.New(cluster.Options{
		Config: config, Mapper: mapper, MapperFor: other, Clock: clock.RealClock{},
		Live:  live.Options{Owner: testowner.New(w.t), Wake: func(live.Unit, live.Cause) {}},
		Named: func(types.NamespacedName, string, named.Ref, named.Seen) {},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func mapperFor(config *rest.Config) (apimeta.RESTMapper, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return apiutil.NewDynamicRESTMapper(config, client)
}

// mapperOfTests knows the kinds of the test's API server whichever cluster is asked about.
func mapperOfTests(*rest.Config) (apimeta.RESTMapper, error) { return mapperFor(testEnv.Config()) }

// start runs the watches until the test ends.
func (w *world) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.pool.Start(ctx) }()
	w.until("the pool has started", w.started)
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("running the watches: %v", err)
		}
	})
}

// started sees that the local cluster is watched.
func (w *world) started() bool {
	probe := name("probe")
	local := w.place("probe", nil)
	local.Live.Expect(probe, inventory.Of(inventory.Entry{ID: inventory.ID{Namespace: "default", Name: "probe", Kind: "ConfigMap"}, Version: "v1"}))
	synced := local.Live.Judge(probe).Synced
	if synced {
		w.pool.Forget(probe)
	}
	return synced
}

// remoteAt is another cluster whose configuration has a version.
func (w *world) remoteAt(key, version string) *cluster.Remote {
	return &cluster.Remote{Key: key, Version: version, Open: func(context.Context) (*kubeconfig.Endpoint, error) {
		w.opened = append(w.opened, key+"@"+version)
		return target()
	}}
}

// target leads to the test's API server by a kubeconfig.
func target() (*kubeconfig.Endpoint, error) {
	config := testEnv.Config()
	text, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "x",
	})
	if err != nil {
		return nil, err
	}
	return kubeconfig.Parse(text, kubeconfig.Options{})
}

func (w *world) place(unit string, to *cluster.Remote) *cluster.Handle {
	w.t.Helper()
	h, err := w.pool.Place(w.t.Context(), name(unit), tenancy.Controller(), to)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// namespace makes a namespace with a ConfigMap named a.
func (w *world) namespace() string {
	w.t.Helper()
	client, err := dynamic.NewForConfig(testEnv.Config())
	if err != nil {
		w.t.Fatal(err)
	}
	ns, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Create(w.t.Context(),
		&unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"generateName": "cluster-"}}}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for i, label := range []string{"x", "x", "y"} {
		_, err = client.Resource(configMaps).Namespace(ns.GetName()).Create(w.t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": fmt.Sprintf("a%d", i), "labels": map[string]any{"l": label}},
		}}, metav1.CreateOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return ns.GetName()
}
