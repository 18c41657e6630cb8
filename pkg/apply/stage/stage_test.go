package stage_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/apply/stage"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

func newObject(apiVersion, kind, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name}}}
}

// itself is the object of an object.
func itself(obj *unstructured.Unstructured) *unstructured.Unstructured { return obj }

func TestOrder(t *testing.T) {
	var objects []*unstructured.Unstructured
	for _, o := range [][2]string{
		{"admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"}, {"example.org/v1", "Zoo"}, {"apps/v1", "Deployment"},
		{"v1", "Secret"}, {"v1", "ConfigMap"}, {"storage.k8s.io/v1", "StorageClass"}, {"rbac.authorization.k8s.io/v1", "ClusterRole"},
		{"v1", "Namespace"}, {"apiextensions.k8s.io/v1", "CustomResourceDefinition"}, {"example.org/v1", "Early"},
		{"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"}, {"example.org/v1", "Apple"}, {"example.org/v1", "Namespace"},
	} {
		objects = append(objects, newObject(o[0], o[1], "b"), newObject(o[0], o[1], "a"))
	}
	var got []string
	for _, s := range stage.Order(objects, itself, []schema.GroupKind{{Group: "example.org", Kind: "Early"}}) {
		var ranks []string
		for _, rank := range s.Ranks {
			var names []string
			for _, obj := range rank {
				names = append(names, obj.GetKind()+"/"+obj.GetName())
			}
			ranks = append(ranks, strings.Join(names, "+"))
		}
		line := strings.Join(ranks, " < ")
		if s.Awaited {
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

// TestManyObjects orders twenty thousand objects in memory.
func TestManyObjects(t *testing.T) {
	const many = 20_000
	objects := make([]*unstructured.Unstructured, 0, many)
	for i := range many {
		kind := [...]string{"ConfigMap", "Deployment", "Service", "Job"}[i%4]
		objects = append(objects, newObject("v1", kind, strconv.Itoa(many-i)))
	}
	stages := stage.Order(objects, itself, nil)
	if len(stages) != 1 || len(stages[0].Ranks) != 4 {
		t.Fatalf("got %d stages", len(stages))
	}
	sorted := stages[0].All()
	if len(sorted) != many {
		t.Errorf("got %d objects", len(sorted))
	}
	if !slices.IsSortedFunc(sorted, manifest.Compare) {
		t.Error("the objects are not in order")
	}
}
