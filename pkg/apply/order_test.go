package apply

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

type fields = map[string]any

func newObject(apiVersion, kind, name string, content fields) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": apiVersion, "kind": kind, "metadata": fields{"name": name}}}
	for key, value := range content {
		obj.Object[key] = value
	}
	return obj
}

func taskOf(obj *unstructured.Unstructured) Task { return Task{Object: obj, ID: inventory.IDOf(obj)} }

func TestOrder(t *testing.T) {
	var tasks []Task
	for _, o := range [][2]string{
		{"admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"}, {"example.org/v1", "Zoo"}, {"apps/v1", "Deployment"},
		{"v1", "Secret"}, {"v1", "ConfigMap"}, {"storage.k8s.io/v1", "StorageClass"}, {"rbac.authorization.k8s.io/v1", "ClusterRole"},
		{"v1", "Namespace"}, {"apiextensions.k8s.io/v1", "CustomResourceDefinition"}, {"example.org/v1", "Early"},
		{"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"}, {"example.org/v1", "Apple"}, {"example.org/v1", "Namespace"},
	} {
		tasks = append(tasks, taskOf(newObject(o[0], o[1], "b", nil)), taskOf(newObject(o[0], o[1], "a", nil)))
	}
	var got []string
	for _, s := range order(tasks, []schema.GroupKind{{Group: "example.org", Kind: "Early"}}) {
		var ranks []string
		for _, rank := range s.ranks {
			var names []string
			for _, task := range rank {
				names = append(names, task.ID.Kind+"/"+task.ID.Name)
			}
			ranks = append(ranks, strings.Join(names, "+"))
		}
		line := strings.Join(ranks, " < ")
		if s.awaited {
			line += " (awaited)"
		}
		got = append(got, line)
	}
	want := []string{
		"CustomResourceDefinition/a+CustomResourceDefinition/b < Namespace/a+Namespace/b < ClusterRole/a+ClusterRole/b (awaited)",
		"StorageClass/a+StorageClass/b (awaited)",
		"Early/a+Early/b",
		"Namespace/a+Namespace/b < ConfigMap/a+ConfigMap/b < Secret/a+Secret/b < Deployment/a+Deployment/b < " +
			"Apple/a+Apple/b+Zoo/a+Zoo/b < MutatingWebhookConfiguration/a+MutatingWebhookConfiguration/b < " +
			"ValidatingWebhookConfiguration/a+ValidatingWebhookConfiguration/b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestManyTasks orders twenty thousand objects in memory.
func TestManyTasks(t *testing.T) {
	const many = 20_000
	tasks := make([]Task, 0, many)
	for i := range many {
		kind := [...]string{"ConfigMap", "Deployment", "Service", "Job"}[i%4]
		tasks = append(tasks, taskOf(newObject("v1", kind, strconv.Itoa(many-i), nil)))
	}
	stages := order(tasks, nil)
	if len(stages) != 1 || len(stages[0].ranks) != 4 {
		t.Fatalf("got %d stages", len(stages))
	}
	sorted := stages[0].tasks()
	if len(sorted) != many {
		t.Errorf("got %d tasks", len(sorted))
	}
	if !slices.IsSortedFunc(sorted, func(a, b *Task) int { return manifest.Compare(a.Object, b.Object) }) {
		t.Error("the tasks are not in order")
	}
}
