package normal

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// SameContent reports that two states of an object agree in labels,
// annotations and everything outside of metadata and status.
func SameContent(a, b *unstructured.Unstructured) bool {
	if !equality.Semantic.DeepEqual(a.GetLabels(), b.GetLabels()) ||
		!equality.Semantic.DeepEqual(a.GetAnnotations(), b.GetAnnotations()) {
		return false
	}
	return equality.Semantic.DeepEqual(content(a), content(b))
}

func content(obj *unstructured.Unstructured) map[string]any {
	fields := make(map[string]any, len(obj.Object))
	for name, value := range obj.Object {
		if name != "metadata" && name != "status" {
			fields[name] = value
		}
	}
	return fields
}
