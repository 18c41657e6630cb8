package route

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
)

// allNames in an event source stands for every object of the kind.
const allNames = "*"

// matches reports whether the Alert is about the event.
func (d *decision) matches() bool {
	if !slices.ContainsFunc(d.alert.Spec.EventSources, d.matchesSource) {
		return false
	}
	for _, invalid := range d.alert.Filter.invalid {
		d.problem(meta.ReasonInvalidConfig, "%s", invalid)
	}
	return d.alert.Filter.passes(d.in.Event.Message)
}

func (d *decision) matchesSource(source notificationv1.CrossNamespaceObjectReference) bool {
	if !d.alert.covers(source, d.in.Event) {
		return false
	}
	return len(source.MatchLabels) == 0 || d.matchesLabels(source)
}

func (d *decision) matchesLabels(source notificationv1.CrossNamespaceObjectReference) bool {
	selector, err := selectorOf(source)
	if err != nil {
		d.problem(meta.ReasonInvalidConfig, "reading matchLabels of the event source %s/%s: %v", source.Kind, source.Name, err)
		return false
	}
	if d.in.Labels.Err != nil {
		object := d.in.Event.InvolvedObject
		d.problem(meta.ReasonSourceFetchFailed, "reading the labels of %s/%s in namespace %s: %v",
			object.Kind, object.Name, object.Namespace, d.in.Labels.Err)
		return false
	}
	return selector.Matches(labels.Set(d.in.Labels.Values))
}

// covers reports whether a source of the Alert is about the event, its labels
// aside.
func (a Alert) covers(source notificationv1.CrossNamespaceObjectReference, event *eventv1.Event) bool {
	object := event.InvolvedObject
	namespace := source.Namespace
	if namespace == "" {
		namespace = a.Namespace
	}
	switch {
	case object.Namespace != namespace || object.Kind != source.Kind:
		return false
	case a.Spec.EventSeverity == eventv1.SeverityError && event.Severity != eventv1.SeverityError:
		return false
	default:
		return source.Name == allNames || source.Name == object.Name
	}
}

func selectorOf(source notificationv1.CrossNamespaceObjectReference) (labels.Selector, error) {
	return metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchLabels: source.MatchLabels})
}
