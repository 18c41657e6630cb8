package live_test

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.NoCRDs())) }

type fields = map[string]any

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// world is a table beside the API server it watches.
type world struct {
	t       *testing.T
	client  dynamic.Interface
	options live.Options
	table   *live.Table
	unit    live.Unit
	ns      string

	mu    sync.Mutex
	wakes []live.Cause
}

// newWorld makes a namespace and starts a table.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	config := testEnv.Config()
	w.client = must(dynamic.NewForConfig(config))(t)
	w.ns = w.namespace()
	w.unit = live.Unit{Namespace: w.ns, Name: "apps"}
	w.options = optionsFor(t, config)
	w.options.Wake = func(unit live.Unit, cause live.Cause) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if unit == w.unit {
			w.wakes = append(w.wakes, cause)
		}
	}
	w.table = w.start()
	return w
}

func optionsFor(t *testing.T, config *rest.Config) live.Options {
	t.Helper()
	d := must(discovery.NewDiscoveryClientForConfig(config))(t)
	return live.Options{
		Metadata:     must(metadata.NewForConfig(config))(t),
		Mapper:       restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d)),
		Owner:        testowner.New(t),
		Log:          logr.Discard(),
		SuspectDelay: time.Millisecond, GoneDelay: time.Millisecond, ListSpacing: time.Millisecond,
		Wake: func(live.Unit, live.Cause) {},
	}
}

// start runs one more table with the options of the world.
func (w *world) start() *live.Table {
	w.t.Helper()
	table := must(live.New(w.options))(w.t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- table.Start(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	return table
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (w *world) namespace() string {
	w.t.Helper()
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": "v1", "kind": "Namespace", "metadata": fields{"generateName": "live-"}}}
	made := must(w.client.Resource(namespaces).Create(w.t.Context(), obj, metav1.CreateOptions{}))(w.t)
	return made.GetName()
}

// eventually waits until a condition holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			w.t.Fatalf("waited in vain until %s", what)
		}
	}
}

func (w *world) woken(cause live.Cause) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.wakes, cause)
}

func (w *world) forgetWakes() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wakes = nil
}

// object builds an object that is labelled as the unit's.
func (w *world) object(apiVersion, kind, name string, content fields) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": apiVersion, "kind": kind, "metadata": fields{"name": name, "namespace": w.ns}}}
	for key, value := range content {
		obj.Object[key] = value
	}
	obj.SetLabels(map[string]string{testowner.NameLabel: w.unit.Name, testowner.NamespaceLabel: w.unit.Namespace})
	return obj
}

func (w *world) deployment() *unstructured.Unstructured {
	container := func(name string) fields {
		return fields{"name": name, "image": name + ":1", "args": []any{"a", "b"}}
	}
	return w.object("apps/v1", "Deployment", "web", fields{"spec": fields{
		"replicas": int64(2),
		"selector": fields{"matchLabels": fields{"app": "web"}},
		"template": fields{
			"metadata": fields{"labels": fields{"app": "web"}},
			"spec":     fields{"containers": []any{container("web"), container("side")}},
		},
	}})
}

func (w *world) configMap() *unstructured.Unstructured {
	return w.object("v1", "ConfigMap", "web", fields{"data": fields{"a": "1", "b": "2"}})
}

// apply applies an object as the controller would, and returns its ledger entry.
func (w *world) apply(gvr schema.GroupVersionResource, obj *unstructured.Unstructured) inventory.Entry {
	w.t.Helper()
	id := inventory.IDOf(obj)
	done := w.table.Applying(w.unit, id)
	answer, err := w.client.Resource(gvr).Namespace(w.ns).Apply(w.t.Context(), obj.GetName(), obj,
		metav1.ApplyOptions{FieldManager: testowner.Manager, Force: true})
	fingerprint := done(answer, err)
	if err != nil {
		w.t.Fatal(err)
	}
	return inventory.Entry{ID: id, Version: gvr.Version, Record: inventory.Record{Desired: inventory.DesiredDigest{1}, Live: fingerprint}}
}

// edit changes the live object as another client would, and waits until the
// table has seen it.
func (w *world) edit(gvr schema.GroupVersionResource, id inventory.ID, manager string, change func(obj fields)) {
	w.t.Helper()
	objects := w.client.Resource(gvr).Namespace(w.ns)
	obj := must(objects.Get(w.t.Context(), id.Name, metav1.GetOptions{}))(w.t)
	change(obj.Object)
	answer := must(objects.Update(w.t.Context(), obj, metav1.UpdateOptions{FieldManager: manager}))(w.t)
	w.seen(id, answer)
}

func (w *world) patch(gvr schema.GroupVersionResource, id inventory.ID, manager, body string, sub ...string) {
	w.t.Helper()
	answer := must(w.client.Resource(gvr).Namespace(w.ns).Patch(w.t.Context(), id.Name, types.MergePatchType, []byte(body),
		metav1.PatchOptions{FieldManager: manager}, sub...))(w.t)
	w.seen(id, answer)
}

func (w *world) seen(id inventory.ID, answer *unstructured.Unstructured) {
	w.t.Helper()
	w.eventually("the table sees version "+answer.GetResourceVersion(), func() bool {
		seen, ok := w.table.Lookup(id)
		return ok && seen.ResourceVersion == answer.GetResourceVersion()
	})
}

// synced declares what the unit owns and waits for the lists.
func (w *world) synced(table *live.Table, entries ...inventory.Entry) {
	w.t.Helper()
	table.Expect(w.unit, inventory.Of(entries...))
	w.eventually("the kinds are listed", func() bool { return table.Judge(w.unit).Synced })
}

func (w *world) state(id inventory.ID) drift.State {
	return w.table.Judge(w.unit).Objects[id].State
}
