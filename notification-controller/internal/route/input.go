package route

import (
	"k8s.io/apimachinery/pkg/types"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
)

// Input is all that the decision about an event depends on.
type Input struct {
	// Event has had its metadata cleaned.
	Event *eventv1.Event
	// Alerts are all there are, in the order of the deliveries.
	Alerts []Alert
	// Labels and Providers are what NeedsOf asks for; the rest may be missing.
	Labels    Labels
	Providers map[types.NamespacedName]Provider
	Policy    Policy
}

// Alert is an Alert with its compiled expressions.
type Alert struct {
	*notificationv1.Alert
	Filter *Filter
}

// Labels are those of the live object that an event is about.
type Labels struct {
	Values map[string]string
	// Err says why they could not be read.
	Err error
}

// Provider is what was found where an Alert names a Provider.
type Provider struct {
	// Object is nil if there is none, or if Err says why it could not be read.
	Object *notificationv1.Provider
	Err    error
	// Takes and Supported are what is known of its type: which events it is for, and
	// whether this version acts on it.
	Takes     Interest
	Supported bool
}

// Policy is what the installation allows.
type Policy struct {
	// NoCrossNamespace refuses events of other namespaces.
	NoCrossNamespace bool
	// WorkloadIdentity says that Providers may name a service account.
	WorkloadIdentity bool
}

// Ref names an object.
type Ref struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid,omitempty"`
}

// String returns namespace and name.
func (r Ref) String() string { return r.Namespace + "/" + r.Name }

// Delivery is an event on its way to one Provider.
type Delivery struct {
	Alert    Ref `json:"alert"`
	Provider Ref `json:"provider"`
	// Event has the merged metadata with short keys.
	Event eventv1.Event `json:"event"`
	// ID is equal for the same event under the same Alert.
	ID string `json:"id"`
}

// Problem is something the owner of an Alert has to know.
type Problem struct {
	Alert   Ref
	Reason  meta.Reason
	Message string
}

// Drop is a delivery that the rules leave out, with the reason why.
type Drop struct {
	Alert Ref
	Why   string
}

// Result is what follows from an event.
type Result struct {
	Deliveries []Delivery
	Problems   []Problem
	Drops      []Drop
}
