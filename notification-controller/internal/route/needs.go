package route

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
)

// Needs is what has to be read before Route can decide.
type Needs struct {
	// Labels says that a selector has to be compared with the labels of the object
	// the event is about. Reading them is a request to the API server, so it is
	// asked for only if no rule before the selector decides.
	Labels bool
	// Providers are named by Alerts that may match, each once.
	Providers []types.NamespacedName
}

// NeedsOf returns what the decision about the event depends on.
func NeedsOf(event *eventv1.Event, alerts []Alert) Needs {
	var n Needs
	for _, alert := range alerts {
		if alert.Spec.Suspend {
			continue
		}
		may, labels := needsOf(event, alert)
		n.Labels = n.Labels || labels
		if provider := alert.provider(); may && !slices.Contains(n.Providers, provider) {
			n.Providers = append(n.Providers, provider)
		}
	}
	return n
}

// needsOf reports whether an Alert may match, and whether that depends on labels.
func needsOf(event *eventv1.Event, alert Alert) (may, labels bool) {
	for _, source := range alert.Spec.EventSources {
		if !alert.covers(source, event) {
			continue
		}
		if len(source.MatchLabels) == 0 {
			return true, labels
		}
		if _, err := selectorOf(source); err == nil {
			may, labels = true, true
		}
	}
	return may, labels
}

func (a Alert) provider() types.NamespacedName {
	return types.NamespacedName{Namespace: a.Namespace, Name: a.Spec.ProviderRef.Name}
}
