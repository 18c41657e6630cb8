package snapshot

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Clean returns a copy of a live object without what the server and controllers
// wrote into it, so that it can be created again.
func Clean(obj *unstructured.Unstructured) *unstructured.Unstructured {
	clean := obj.DeepCopy()
	delete(clean.Object, "status")
	for _, field := range []string{
		"managedFields", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink",
		"deletionTimestamp", "deletionGracePeriodSeconds",
		// The owner is gone or has another UID by then, and the garbage collector
		// would take the restored object away at once.
		"ownerReferences",
	} {
		unstructured.RemoveNestedField(clean.Object, "metadata", field)
	}
	// How to delete is said with the deletion, not with the object.
	dropItems(clean, "foregroundDeletion", "orphan")
	switch gk := clean.GroupVersionKind().GroupKind(); gk {
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		cleanJob(clean)
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		// With these the claim would count as bound to a volume that may be gone.
		dropKeys(clean, []string{"metadata", "annotations"}, "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller")
	}
	return clean
}

// cleanJob takes away what the server adds to a Job that selects its Pods by its
// own UID; it refuses a new Job that has it.
func cleanJob(job *unstructured.Unstructured) {
	if manual, _, err := unstructured.NestedBool(job.Object, "spec", "manualSelector"); err == nil && manual {
		return
	}
	unstructured.RemoveNestedField(job.Object, "spec", "selector")
	labels := []string{"controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"}
	dropKeys(job, []string{"metadata", "labels"}, labels...)
	dropKeys(job, []string{"spec", "template", "metadata", "labels"}, labels...)
}

// dropKeys removes keys from a map of an object, and the map when nothing is left.
func dropKeys(obj *unstructured.Unstructured, path []string, keys ...string) {
	values, found, err := unstructured.NestedMap(obj.Object, path...)
	if err != nil || !found {
		return
	}
	for _, key := range keys {
		delete(values, key)
	}
	if len(values) == 0 {
		unstructured.RemoveNestedField(obj.Object, path...)
		return
	}
	// The path was there, so it can be set.
	_ = unstructured.SetNestedMap(obj.Object, values, path...)
}

func dropItems(obj *unstructured.Unstructured, items ...string) {
	finalizers := obj.GetFinalizers()
	kept := slices.DeleteFunc(slices.Clone(finalizers), func(f string) bool { return slices.Contains(items, f) })
	if len(kept) == len(finalizers) {
		return
	}
	if len(kept) == 0 {
		unstructured.RemoveNestedField(obj.Object, "metadata", "finalizers")
		return
	}
	obj.SetFinalizers(kept)
}
