package health

import (
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Status is the state an object is in.
type Status string

// The states of an object, by the names that kstatus gives them.
const (
	// Current means that the object is what was asked for.
	Current Status = "Current"
	// InProgress means that the object is on its way there.
	InProgress Status = "InProgress"
	// Failed means that the object will not get there by itself.
	Failed Status = "Failed"
	// Terminating means that the object is being deleted.
	Terminating Status = "Terminating"
	// NotFound means that the object does not exist.
	NotFound Status = "NotFound"
	// Unknown means that the object does not say.
	Unknown Status = "Unknown"
)

// Assessment is what an object was found to be, and why.
type Assessment struct {
	// Status is the state of the object.
	Status Status
	// Message is one sentence on the cause; it may be empty.
	Message string
}

// reader judges the objects of one kind. It reports false for an object that
// the general rules judge as well.
type reader func(obj *unstructured.Unstructured) (Assessment, bool)

// readerFor returns the reader of a kind with rules of its own, or nil.
func readerFor(gk schema.GroupKind) reader {
	switch gk {
	case jobKind:
		return readJob
	case helmRepositoryKind:
		return readHelmRepository
	case daemonSetKind:
		return readDaemonSet
	case replicationControllerKind:
		return readReplicationController
	case apiServiceKind:
		return readAPIService
	default:
		return nil
	}
}

// Of judges an object as it was read from the cluster; nil is an object that
// was not found.
func Of(obj *unstructured.Unstructured) Assessment {
	if obj == nil {
		return Assessment{Status: NotFound, Message: "The object does not exist"}
	}
	if obj.GetDeletionTimestamp() != nil {
		return Assessment{Status: Terminating, Message: "The object is being deleted"}
	}
	if read := readerFor(obj.GroupVersionKind().GroupKind()); read != nil {
		if assessment, ok := read(obj); ok {
			return assessment
		}
	}
	return general(obj)
}

// general judges by the rules of kstatus.
func general(obj *unstructured.Unstructured) Assessment {
	result, err := status.Compute(obj)
	if err != nil {
		return Assessment{Status: Unknown, Message: "The status of the object cannot be read: " + err.Error()}
	}
	return Assessment{Status: Status(result.Status), Message: result.Message}
}

// Missing judges an awaited object that is not in the cluster, from the desired
// object. A Job that removes itself after it has finished counts as done: its
// absence is how it says so.
func Missing(desired *unstructured.Unstructured) Assessment {
	if desired != nil && desired.GroupVersionKind().GroupKind() == jobKind {
		if _, ok, err := unstructured.NestedFieldNoCopy(desired.Object, "spec", "ttlSecondsAfterFinished"); ok && err == nil {
			return Assessment{Status: Current, Message: "The job has finished and was removed"}
		}
	}
	return Of(nil)
}
