package health

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var jobKind = schema.GroupKind{Group: "batch", Kind: "Job"}

// readJob holds a Job to its result: one that has merely started is on its way,
// because whoever waits for a migration waits for its end. A suspended Job is
// where its author wants it.
func readJob(obj *unstructured.Unstructured) (Assessment, bool) {
	for _, c := range conditions(obj) {
		if c.status != "True" {
			continue
		}
		switch c.kind {
		case "Complete":
			return Assessment{Status: Current, Message: "The job has completed"}, true
		case "Failed":
			return Assessment{Status: Failed, Message: "The job has failed: " + c.message}, true
		case "Suspended":
			return Assessment{Status: Current, Message: "The job is suspended"}, true
		}
	}
	if suspended, _, err := unstructured.NestedBool(obj.Object, "spec", "suspend"); err == nil && suspended {
		return Assessment{Status: Current, Message: "The job is suspended"}, true
	}
	return Assessment{Status: InProgress, Message: "The job has not finished"}, true
}

// condition is the part of a status condition that assessments look at.
type condition struct {
	kind, status, message string
}

// conditions reads status.conditions; what has not the form of a condition is
// passed over.
func conditions(obj *unstructured.Unstructured) []condition {
	list, _, err := unstructured.NestedSlice(obj.Object, "status", "conditions")
	if err != nil {
		return nil
	}
	found := make([]condition, 0, len(list))
	for _, item := range list {
		fields, ok := item.(map[string]any)
		if !ok {
			continue
		}
		text := func(key string) string { s, _ := fields[key].(string); return s }
		found = append(found, condition{kind: text("type"), status: text("status"), message: text("message")})
	}
	return found
}
