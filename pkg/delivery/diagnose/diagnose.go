package diagnose

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/health/cause"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

const (
	// objects is how many objects are explained: the first by their names.
	objects = 5
	// listed is how many pods or Jobs of an object are read.
	listed = 50
	// patience bounds a whole diagnosis.
	patience = 5 * time.Second
	// longest bounds a message with its causes, as conditions have it.
	longest = 1024
)

var (
	pods = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	jobs = schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}
)

// kinds are those that can be explained. All of them have the version v1.
var kinds = []schema.GroupKind{
	{Kind: "Pod"}, {Kind: "PersistentVolumeClaim"},
	{Group: "apps", Kind: "Deployment"}, {Group: "apps", Kind: "ReplicaSet"},
	{Group: "apps", Kind: "StatefulSet"}, {Group: "apps", Kind: "DaemonSet"},
	{Group: "batch", Kind: "Job"}, {Group: "batch", Kind: "CronJob"},
}

// Explainer explains the objects of one cluster under the identity of whoever
// gave it its functions.
type Explainer struct {
	// Read returns a live object, or nil when there is none.
	Read func(ctx context.Context, id inventory.ID, version string) (*unstructured.Unstructured, error)
	// List returns at most so many objects of a kind in a namespace.
	List func(ctx context.Context, gvk schema.GroupVersionKind, namespace, labelSelector string, limit int64) (*unstructured.UnstructuredList, error)
}

// Explain returns the causes that were found, one sentence an object.
func (e Explainer) Explain(ctx context.Context, ids []inventory.ID) map[inventory.ID]string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	causes := map[inventory.ID]string{}
	for _, id := range explainable(ids) {
		if text := e.explain(ctx, id); text != "" {
			causes[id] = text
		}
	}
	return causes
}

// explainable chooses the objects that are diagnosed: the same ones every time.
func explainable(ids []inventory.ID) []inventory.ID {
	var chosen []inventory.ID
	for _, id := range ids {
		if slices.Contains(kinds, id.GroupKind()) {
			chosen = append(chosen, id)
		}
	}
	slices.SortFunc(chosen, bySubject)
	chosen = slices.Compact(chosen)
	return chosen[:min(len(chosen), objects)]
}

func bySubject(a, b inventory.ID) int { return cmp.Compare(a.Subject(), b.Subject()) }

func (e Explainer) explain(ctx context.Context, id inventory.ID) string {
	obj, err := e.Read(ctx, id, "v1")
	if err != nil || obj == nil {
		return ""
	}
	if id.Kind != "CronJob" {
		return e.workload(ctx, obj)
	}
	job := e.lastJob(ctx, obj)
	if job == nil {
		return ""
	}
	if text := e.workload(ctx, job); text != "" {
		return "its last run: " + text
	}
	return ""
}

// workload explains an object with its pods. Without the right to see those it
// still says what the object says itself.
func (e Explainer) workload(ctx context.Context, obj *unstructured.Unstructured) string {
	if !cause.NeedsPods(obj) {
		return cause.Of(obj, nil)
	}
	selector, ok := selectorOf(obj)
	if !ok {
		return ""
	}
	list, err := e.List(ctx, pods, obj.GetNamespace(), selector, listed)
	if err != nil || list == nil {
		return withoutPods(obj)
	}
	return cause.Of(obj, own(list, obj))
}

// withoutPods is the cause of an object whose pods may not be seen. That there
// are none is then not known.
func withoutPods(obj *unstructured.Unstructured) string {
	unseen := &unstructured.Unstructured{Object: map[string]any{}}
	return cause.Of(obj, []*unstructured.Unstructured{unseen})
}

// selectorOf returns the selector of a workload. One that selects everything is
// none: its pods could be anybody's.
func selectorOf(obj *unstructured.Unstructured) (string, bool) {
	fields, ok, err := unstructured.NestedMap(obj.Object, "spec", "selector")
	if err != nil || !ok {
		return "", false
	}
	var written metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &written); err != nil {
		return "", false
	}
	selector, err := metav1.LabelSelectorAsSelector(&written)
	if err != nil || selector.Empty() {
		return "", false
	}
	return selector.String(), true
}

// own keeps the objects whose controller is the owner. The pods of a Deployment
// belong to its ReplicaSets, which are not read: its selector has to do.
func own(list *unstructured.UnstructuredList, owner *unstructured.Unstructured) []*unstructured.Unstructured {
	found := make([]*unstructured.Unstructured, 0, len(list.Items))
	for i := range list.Items {
		item := &list.Items[i]
		if owner.GetKind() == "Deployment" || controlledBy(item, owner) {
			found = append(found, item)
		}
	}
	return found
}

func controlledBy(obj, owner *unstructured.Unstructured) bool {
	ref := metav1.GetControllerOf(obj)
	return ref != nil && ref.UID == owner.GetUID()
}

// lastJob returns the Job that a CronJob made last, or nil.
func (e Explainer) lastJob(ctx context.Context, cron *unstructured.Unstructured) *unstructured.Unstructured {
	list, err := e.List(ctx, jobs, cron.GetNamespace(), "", listed)
	if err != nil || list == nil {
		return nil
	}
	mine := own(list, cron)
	if len(mine) == 0 {
		return nil
	}
	return slices.MaxFunc(mine, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(
			a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), cmp.Compare(a.GetName(), b.GetName()))
	})
}

// Message adds causes to the message of a health check, in the order of the
// objects' names, as long as it does not grow too long for a condition.
func Message(message string, causes map[inventory.ID]string) string {
	ids := make([]inventory.ID, 0, len(causes))
	for id := range causes {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, bySubject)
	var out strings.Builder
	out.WriteString(message)
	separator := ": "
	for _, id := range ids {
		part := separator + id.Subject() + ": " + causes[id]
		if out.Len()+len(part) > longest {
			break
		}
		out.WriteString(part)
		separator = "; "
	}
	return out.String()
}
