package apply_test

import (
	"context"
	"net/http"
	"os"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.NoCRDs())) }

type fields = map[string]any

var (
	configMaps      = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	networkPolicies = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
	namespaces      = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// counter counts requests by what they are for.
type counter struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen map[string]int
	// answer, if set, makes the exchange in place of the transport.
	answer func(r *http.Request, next http.RoundTripper) (*http.Response, error)
}

// tamper sets who makes exchanges in place of the transport; nil ends it.
func (c *counter) tamper(answer func(*http.Request, http.RoundTripper) (*http.Response, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	what := r.Method
	if r.URL.Query().Get("dryRun") != "" {
		what += " dry-run"
	}
	if r.URL.Query().Get("watch") != "" {
		what = "WATCH"
	}
	if r.Header.Get("Content-Type") == string(types.ApplyPatchType) && r.URL.Query().Get("fieldValidation") != metav1.FieldValidationIgnore {
		what += " read twice"
	}
	c.mu.Lock()
	c.seen[what]++
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		return answer(r, c.next)
	}
	return c.next.RoundTrip(r)
}

func (c *counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	c.seen = map[string]int{}
	return seen
}

// world is an applier beside the API server.
type world struct {
	t        testing.TB
	client   dynamic.Interface
	options  apply.Options
	applier  *apply.Applier
	requests *counter
	owner    *ownership.Owner
	unit     live.Unit
	ns       string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, requests: &counter{seen: map[string]int{}}, owner: testowner.New(t)}
	config := testEnv.Config()
	var err error
	if w.client, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		w.requests.next = next
		return w.requests
	})
	w.options = apply.Options{
		Config: config, Owner: w.owner, Mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d)),
	}
	if w.applier, err = apply.New(w.options); err != nil {
		t.Fatal(err)
	}
	ns, err := w.client.Resource(namespaces).Create(t.Context(), &unstructured.Unstructured{Object: fields{
		"apiVersion": "v1", "kind": "Namespace", "metadata": fields{"generateName": "apply-"}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.ns = ns.GetName()
	w.unit = live.Unit{Namespace: w.ns, Name: "apps"}
	return w
}

// applierWith makes the applier anew with changed options.
func (w *world) applierWith(change func(*apply.Options)) {
	w.t.Helper()
	change(&w.options)
	made, err := apply.New(w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.applier = made
}

// object builds a normalised object of the unit.
func (w *world) object(apiVersion, kind, name string, content fields) *unstructured.Unstructured {
	w.t.Helper()
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": apiVersion, "kind": kind, "metadata": fields{"name": name, "namespace": w.ns}}}
	for key, value := range content {
		obj.Object[key] = value
	}
	if err := apply.Normalize(obj, w.unit, w.owner); err != nil {
		w.t.Fatal(err)
	}
	return obj
}

func (w *world) configMap(name, value string) *unstructured.Unstructured {
	return w.object("v1", "ConfigMap", name, fields{"data": fields{"a": value}})
}

func (w *world) run(tasks ...apply.Task) apply.Report {
	w.t.Helper()
	report, err := w.applier.Run(w.t.Context(), w.unit, tasks)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func taskOf(obj *unstructured.Unstructured) apply.Task {
	return apply.Task{Object: obj, ID: inventory.IDOf(obj)}
}

func tasksOf(objects ...*unstructured.Unstructured) []apply.Task {
	tasks := make([]apply.Task, len(objects))
	for i, obj := range objects {
		tasks[i] = taskOf(obj)
	}
	return tasks
}

// actions returns what happened to each object.
func actions(report apply.Report) map[string]apply.Action {
	found := map[string]apply.Action{}
	for _, r := range report.Results {
		found[r.ID.Kind+"/"+r.ID.Name] = r.Action
	}
	return found
}

func annotate(obj *unstructured.Unstructured, key, value string) *unstructured.Unstructured {
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[testowner.Prefix+key] = value
	obj.SetAnnotations(annotations)
	return obj
}

func (w *world) data(name string) (map[string]string, bool) {
	w.t.Helper()
	obj, err := w.client.Resource(configMaps).Namespace(w.ns).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return nil, false
	}
	data, _, err := unstructured.NestedStringMap(obj.Object, "data")
	if err != nil {
		w.t.Fatal(err)
	}
	return data, true
}

// edit changes the data of a ConfigMap as another client would.
func (w *world) edit(name, manager string, change func(obj *unstructured.Unstructured)) {
	w.t.Helper()
	objects := w.client.Resource(configMaps).Namespace(w.ns)
	obj, err := objects.Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	change(obj)
	if _, err := objects.Update(w.t.Context(), obj, metav1.UpdateOptions{FieldManager: manager}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) target(name string) apply.Deletion {
	return apply.Deletion{ID: inventory.ID{Namespace: w.ns, Name: name, Kind: "ConfigMap"}, Version: "v1"}
}

func (w *world) uid(name string) string {
	w.t.Helper()
	obj, err := w.client.Resource(configMaps).Namespace(w.ns).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(obj.GetUID())
}

// remove deletes one object.
func (w *world) remove(ctx context.Context, unit live.Unit, d apply.Deletion) (apply.DeleteResult, error) {
	reports := w.applier.Delete(ctx, unit, []apply.Deletion{d})
	return reports[0].Result, reports[0].Err
}
