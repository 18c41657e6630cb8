package apply_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// miniature is as little of an API server as takes an apply: it keeps what it is
// sent, under the path it is sent to.
type miniature struct {
	mu      sync.Mutex
	version int
	objects map[string]*unstructured.Unstructured
}

func (m *miniature) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	obj := &unstructured.Unstructured{}
	if err := json.NewDecoder(r.Body).Decode(&obj.Object); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	before, exists := m.objects[r.URL.Path]
	if exists {
		obj.SetUID(before.GetUID())
		obj.SetResourceVersion(before.GetResourceVersion())
	}
	if dryRun := r.URL.Query().Get("dryRun") != ""; !dryRun {
		if m.version++; !exists {
			obj.SetUID(types.UID(fmt.Sprint("uid-", m.version)))
		}
		obj.SetResourceVersion(fmt.Sprint(m.version))
		m.objects[r.URL.Path] = obj
		fmt.Println(r.Method, r.URL.Path)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(obj.Object)
}

// Objects are applied in stages. All of a stage are validated first; what others
// need comes before them.
func ExampleApplier_Run() {
	server := httptest.NewServer(&miniature{objects: map[string]*unstructured.Unstructured{}})
	defer server.Close()
	core := schema.GroupVersion{Version: "v1"}
	mapper := apimeta.NewDefaultRESTMapper([]schema.GroupVersion{core})
	mapper.Add(core.WithKind("ConfigMap"), apimeta.RESTScopeNamespace)
	mapper.Add(core.WithKind("Service"), apimeta.RESTScopeNamespace)

	owner, err := ownership.New(ownership.Names{
		Manager: "example-controller", PolicyPrefix: "example.org/",
		NameLabel: "example.org/name", NamespaceLabel: "example.org/namespace",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	applier, err := apply.New(apply.Options{Config: &rest.Config{Host: server.URL}, Mapper: mapper, Owner: owner})
	if err != nil {
		fmt.Println(err)
		return
	}

	unit := live.Unit{Namespace: "flux-system", Name: "shop"}
	var tasks []apply.Task
	for _, kind := range []string{"Service", "ConfigMap"} {
		obj := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"namespace": "shop", "name": "web"},
		}}
		if err := apply.Normalize(obj, unit, owner); err != nil {
			fmt.Println(err)
			return
		}
		tasks = append(tasks, apply.Task{Object: obj, ID: inventory.IDOf(obj)})
	}
	report, err := applier.Run(context.Background(), unit, tasks)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, result := range report.Results {
		fmt.Println(result.ID.Subject(), result.Action)
	}
	// Output:
	// PATCH /api/v1/namespaces/shop/configmaps/web
	// PATCH /api/v1/namespaces/shop/services/web
	// ConfigMap/shop/web created
	// Service/shop/web created
}
