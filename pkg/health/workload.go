package health

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kinds that the general rules judge wrongly.
var (
	daemonSetKind             = schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	replicationControllerKind = schema.GroupKind{Kind: "ReplicationController"}
	apiServiceKind            = schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}
)

// readDaemonSet judges a DaemonSet that is updated on delete by its pods alone: when
// they become those of the new template is up to whoever deletes them.
func readDaemonSet(obj *unstructured.Unstructured) (Assessment, bool) {
	strategy, _, _ := unstructured.NestedString(obj.Object, "spec", "updateStrategy", "type")
	if strategy != "OnDelete" {
		return Assessment{}, false
	}
	updated := obj.DeepCopy()
	wanted, ok, err := unstructured.NestedFieldCopy(obj.Object, "status", "desiredNumberScheduled")
	if !ok || err != nil || unstructured.SetNestedField(updated.Object, wanted, "status", "updatedNumberScheduled") != nil {
		return Assessment{}, false
	}
	return general(updated), true
}

// readReplicationController judges as the general rules judge a ReplicaSet, whose status
// has the same fields.
func readReplicationController(obj *unstructured.Unstructured) (Assessment, bool) {
	set := obj.DeepCopy()
	set.SetAPIVersion("apps/v1")
	set.SetKind("ReplicaSet")
	return general(set), true
}

// readAPIService holds an APIService to its condition: what it stands for is served, or
// is not.
func readAPIService(obj *unstructured.Unstructured) (Assessment, bool) {
	for _, c := range conditions(obj) {
		if c.kind != "Available" {
			continue
		}
		if c.status == "True" {
			return Assessment{Status: Current, Message: "The API is available"}, true
		}
		return Assessment{Status: InProgress, Message: fmt.Sprintf("The API is not available: %s", c.message)}, true
	}
	return Assessment{Status: InProgress, Message: "The API is not known to be available"}, true
}
