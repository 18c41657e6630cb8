package events

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
)

// maxMessage is the longest message the wire contract allows, in characters.
const maxMessage = 39000

// Recorder is the Sink of a controller.
type Recorder struct {
	// Kubernetes writes core/v1 Events in the background; Broadcast makes one that
	// knows of actions.
	Kubernetes record.EventRecorder
	// Spool sends events to notification-controller; nil sends none.
	Spool *Spool
	// Controller is the name of the reporting controller, Instance that of its pod.
	Controller, Instance string
	// Now returns the time.
	Now func() time.Time
}

// Emit records the event.
func (r *Recorder) Emit(obj client.Object, event Event) {
	annotations := metadata(obj, event)
	ref := reference(obj, event)
	if !event.Silent {
		r.Kubernetes.AnnotatedEventf(ref, withAction(annotations, event), kubernetesType(event.Severity), string(event.Reason), "%s", cut(event.Message))
	}
	if r.Spool == nil || event.Severity == Trace {
		return
	}
	r.Spool.Put(eventv1.Event{
		InvolvedObject: *ref, Severity: wireSeverity(event.Severity),
		Timestamp: metav1.NewTime(r.Now()), Message: cut(event.Message), Reason: string(event.Reason),
		Metadata: annotations, ReportingController: r.Controller, ReportingInstance: r.Instance,
	})
}

func reference(obj client.Object, event Event) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: event.GVK.GroupVersion().String(), Kind: event.GVK.Kind,
		Namespace: obj.GetNamespace(), Name: obj.GetName(), UID: obj.GetUID(),
		ResourceVersion: obj.GetResourceVersion(),
	}
}

func kubernetesType(s Severity) string {
	if s == Error {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}

func wireSeverity(s Severity) string {
	if s == Error {
		return eventv1.SeverityError
	}
	return eventv1.SeverityInfo
}

func cut(message string) string {
	runes := []rune(message)
	if len(runes) <= maxMessage {
		return message
	}
	return string(runes[:maxMessage-3]) + "..."
}
