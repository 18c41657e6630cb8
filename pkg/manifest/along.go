package manifest

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TakesAlong reports that an object does not go alone when it is deleted: the data of a
// claim or a volume goes with it, the claims of a StatefulSet that says so, all objects
// of a Namespace or of a definition.
func TakesAlong(obj *unstructured.Unstructured) bool {
	switch obj.GroupVersionKind().GroupKind() {
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}, schema.GroupKind{Kind: "PersistentVolume"},
		schema.GroupKind{Kind: "Namespace"}, schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return true
	case schema.GroupKind{Group: "apps", Kind: "StatefulSet"}:
		policy, _, _ := unstructured.NestedString(obj.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
		return policy == "Delete"
	}
	return false
}
