package events

import (
	"maps"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
)

// carryAction is the annotation in which an action travels through client-go's
// recorder, which has no parameter for one. It never reaches the API server.
const carryAction = "events.capstan.dev/action"

// Broadcast returns a recorder that writes core/v1 Events in the background, with
// their action, and what ends it once nothing records any more.
func Broadcast(client corev1client.EventInterface, component string, log logr.Logger) (recorder record.EventRecorder, stop func()) {
	return broadcast(&corev1client.EventSinkImpl{Interface: client}, component, log)
}

func broadcast(sink record.EventSink, component string, log logr.Logger) (record.EventRecorder, func()) {
	b := record.NewBroadcaster()
	b.StartRecordingToSink(acting{sink})
	b.StartEventWatcher(func(e *corev1.Event) {
		log.V(1).Info(e.Message, "type", e.Type, "object", e.InvolvedObject, "reason", e.Reason)
	})
	// Events are recorded about references, which are looked up in no scheme.
	return b.NewRecorder(runtime.NewScheme(), corev1.EventSource{Component: component}), b.Shutdown
}

// withAction returns the annotations with the action in them, for acting to find.
func withAction(annotations map[string]string, event Event) map[string]string {
	if event.Action == "" {
		return annotations
	}
	out := maps.Clone(annotations)
	out[carryAction] = string(event.Action)
	return out
}

// acting is a sink that moves the action from its annotation to its field. A repeated
// event is patched with its count only, so that this costs no request.
type acting struct{ record.EventSink }

// Create writes a new event.
func (s acting) Create(event *corev1.Event) (*corev1.Event, error) {
	return s.EventSink.Create(act(event))
}

// Update replaces an event.
func (s acting) Update(event *corev1.Event) (*corev1.Event, error) {
	return s.EventSink.Update(act(event))
}

// act leaves the event as it is: others read it at the same time.
func act(event *corev1.Event) *corev1.Event {
	action, ok := event.Annotations[carryAction]
	if !ok {
		return event
	}
	out := event.DeepCopy()
	delete(out.Annotations, carryAction)
	out.Action = action
	return out
}
