package manifest

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Mask is what stands for a value that must not be shown.
const Mask = "*****"

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// IsSecret reports whether an object is a core Secret.
func IsSecret(obj *unstructured.Unstructured) bool {
	gvk := obj.GroupVersionKind()
	return gvk.Group == "" && gvk.Kind == "Secret"
}

// Masked returns an object fit to be shown: the values of a Secret replaced by
// Mask, in the annotation that kubectl leaves behind as well. Other objects are
// returned as they are; a Secret is copied.
func Masked(obj *unstructured.Unstructured) *unstructured.Unstructured {
	if !IsSecret(obj) {
		return obj
	}
	shown := obj.DeepCopy()
	for _, field := range []string{"data", "stringData"} {
		value, ok := shown.Object[field]
		if !ok || value == nil {
			continue
		}
		values, ok := value.(map[string]any)
		if !ok {
			shown.Object[field] = Mask
			continue
		}
		for name := range values {
			values[name] = Mask
		}
	}
	if annotations := shown.GetAnnotations(); annotations[lastApplied] != "" {
		annotations[lastApplied] = Mask
		shown.SetAnnotations(annotations)
	}
	return shown
}

// Dedupe keeps the last of several objects with one identity, in the place of the
// first.
func Dedupe(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	at := make(map[key]int, len(objects))
	var kept []*unstructured.Unstructured
	for _, obj := range objects {
		k := keyOf(obj)
		if i, ok := at[k]; ok {
			kept[i] = obj
			continue
		}
		at[k] = len(kept)
		kept = append(kept, obj)
	}
	return kept
}
