package events

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Severity says how loud an event is.
type Severity int

const (
	// Info events are of type Normal.
	Info Severity = iota
	// Error events are of type Warning.
	Error
	// Trace events are of type Normal and are sent to nobody.
	Trace
)

// Event is one thing to tell about an object.
type Event struct {
	// GVK is the kind of the object the event is about.
	GVK schema.GroupVersionKind

	Severity Severity
	Reason   meta.Reason
	Message  string
	// Action is the step that the event is about. Only the Kubernetes Event has it.
	Action meta.Action
	// Metadata of the event. Keys without a slash get the group of the object as
	// prefix.
	Metadata map[string]string
	// Silent events are sent to notification-controller only.
	Silent bool
}

// Sink takes events. It never blocks and never fails: an event that cannot be
// delivered is counted and dropped.
type Sink interface {
	Emit(obj client.Object, event Event)
}

// Discard is a Sink that drops everything.
type Discard struct{}

// Emit drops the event.
func (Discard) Emit(client.Object, Event) {}

// metadata returns the annotations of the event: its own, prefixed, and those of
// the object that ask to be copied.
func metadata(obj client.Object, event Event) map[string]string {
	out := map[string]string{}
	for key, value := range obj.GetAnnotations() {
		if strings.HasPrefix(key, meta.PrefixEvent) {
			out[key] = value
		}
	}
	for key, value := range event.Metadata {
		if !strings.Contains(key, "/") {
			key = event.GVK.Group + "/" + key
		}
		out[key] = value
	}
	return out
}
