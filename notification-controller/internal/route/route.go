package route

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
)

// Target names an object.
type Target struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid,omitempty"`
}

// String returns namespace and name.
func (t Target) String() string { return t.Namespace + "/" + t.Name }

// Delivery is an event on its way to one Provider.
type Delivery struct {
	Alert    Target `json:"alert"`
	Provider Target `json:"provider"`
	// Event has the merged metadata with short keys.
	Event eventv1.Event `json:"event"`
	// ID is equal for the same event under the same Alert.
	ID string `json:"id"`
}

// Problem is something the owner of an Alert has to know.
type Problem struct {
	Alert   Target
	Reason  meta.Reason
	Message string
}

// Drop is a delivery that the rules leave out, with the reason why.
type Drop struct {
	Alert Target
	Why   string
}

// Result is what becomes of an event.
type Result struct {
	Deliveries []Delivery
	Problems   []Problem
	Drops      []Drop
}

// Router holds what routing needs to know beside event and Alerts. All fields but
// Labels, Provider and Supported may be left out.
type Router struct {
	// Labels returns the labels of the live object an event is about.
	Labels func(ctx context.Context, object corev1.ObjectReference) (map[string]string, error)
	// Provider returns a Provider, or nil if it does not exist.
	Provider func(ctx context.Context, namespace, name string) (*notificationv1beta3.Provider, error)
	// Supported tells whether a type of Provider is acted upon.
	Supported func(providerType string) bool
	// NoCrossNamespace refuses events of other namespaces.
	NoCrossNamespace bool
	// WorkloadIdentity says that Providers may name a service account.
	WorkloadIdentity bool

	lists lists
}

// Route decides. The event has had its metadata cleaned.
func (r *Router) Route(ctx context.Context, event *eventv1.Event, alerts []notificationv1beta3.Alert) Result {
	p := &pass{router: r, event: event, group: groupOf(event)}
	for i := range alerts {
		p.alert = &alerts[i]
		if !p.alert.Spec.Suspend && p.matches(ctx) {
			p.dispatch(ctx)
		}
	}
	r.lists.keep(alerts)
	return p.result
}

// pass is one run of Route.
type pass struct {
	router *Router
	event  *eventv1.Event
	group  string
	alert  *notificationv1beta3.Alert
	result Result

	// labels of the object, asked once an event.
	asked     bool
	labels    map[string]string
	labelsErr error
}

func (p *pass) target() Target {
	return Target{Namespace: p.alert.Namespace, Name: p.alert.Name, UID: p.alert.UID}
}

func (p *pass) problem(reason meta.Reason, format string, args ...any) {
	p.result.Problems = append(p.result.Problems, Problem{
		Alert: p.target(), Reason: reason, Message: fmt.Sprintf(format, args...),
	})
}

func (p *pass) drop(format string, args ...any) {
	p.result.Drops = append(p.result.Drops, Drop{Alert: p.target(), Why: fmt.Sprintf(format, args...)})
}

// dispatch takes a matching Alert to its Provider.
func (p *pass) dispatch(ctx context.Context) {
	object := p.event.InvolvedObject
	if p.router.NoCrossNamespace && object.Namespace != p.alert.Namespace {
		p.problem(meta.ReasonNotificationDispatchFailed,
			"%s/%s in namespace %s is not notified about: references to other namespaces are switched off in this installation",
			object.Kind, object.Name, object.Namespace)
		return
	}
	name := p.alert.Spec.ProviderRef.Name
	provider, err := p.router.Provider(ctx, p.alert.Namespace, name)
	switch {
	case err != nil:
		p.problem(meta.ReasonNotificationDispatchFailed, "reading Provider %s: %v", name, err)
		return
	case provider == nil:
		p.problem(meta.ReasonNotificationDispatchFailed, "Provider %s does not exist in namespace %s", name, p.alert.Namespace)
		return
	case provider.Spec.Suspend:
		return
	}
	if p.leftOut(provider) || p.refused(provider) {
		return
	}
	event := *p.event.DeepCopy()
	event.Metadata = p.merge()
	p.result.Deliveries = append(p.result.Deliveries, Delivery{
		Alert: p.target(), Event: event, ID: p.id(),
		Provider: Target{Namespace: provider.Namespace, Name: provider.Name, UID: provider.UID},
	})
}

// leftOut holds the rules under which a kind of Provider does not get an event.
func (p *pass) leftOut(provider *notificationv1beta3.Provider) bool {
	update := p.event.Metadata[eventv1.Key(p.group, eventv1.MetaCommitStatusKey)] == eventv1.MetaCommitStatusUpdateValue
	commitStatus := isCommitStatus(provider.Spec.Type)
	if update && !commitStatus && !isGeneric(provider.Spec.Type) {
		return true
	}
	_, hasCommit := p.event.Metadata[eventv1.Key(eventv1.Group, eventv1.MetaCommitKey)]
	if commitStatus && !hasCommit && !update && p.event.Severity != eventv1.SeverityError {
		p.drop("the event has no commit to report a status for")
		return true
	}
	_, hasRequest := p.event.Metadata[eventv1.Key(eventv1.Group, eventv1.MetaChangeRequestKey)]
	if isComment(provider.Spec.Type) && !hasRequest {
		p.drop("the event has no change request to comment on")
		return true
	}
	return false
}

// refused tells the owner what of a Provider cannot be done.
func (p *pass) refused(provider *notificationv1beta3.Provider) bool {
	spec := provider.Spec
	switch {
	case spec.ServiceAccountName != "" && !p.router.WorkloadIdentity:
		p.problem(meta.ReasonNotificationDispatchFailed,
			"Provider %s sets spec.serviceAccountName, which needs the feature gate ObjectLevelWorkloadIdentity", provider.Name)
	case !p.router.Supported(spec.Type):
		p.problem(meta.ReasonFieldNotSupported,
			"Provider %s has spec.type %s, which this version does not act on; nothing is sent", provider.Name, spec.Type)
	case spec.ServiceAccountName != "":
		p.problem(meta.ReasonFieldNotSupported,
			"Provider %s sets spec.serviceAccountName, which this version does not act on with type %s; nothing is sent", provider.Name, spec.Type)
	case spec.CommitStatusExpr != "":
		p.problem(meta.ReasonFieldNotSupported,
			"Provider %s sets spec.commitStatusExpr, which this version does not act on; nothing is sent", provider.Name)
	default:
		return false
	}
	return true
}

// id names the event under this Alert; sending it again gives the same.
func (p *pass) id() string {
	sum := sha256.New()
	// An event was decoded from JSON, so it can be encoded.
	_ = json.NewEncoder(sum).Encode(p.event)
	sum.Write([]byte(p.alert.UID))
	return hex.EncodeToString(sum.Sum(nil))
}

func groupOf(event *eventv1.Event) string {
	group, _, found := strings.Cut(event.InvolvedObject.APIVersion, "/")
	if !found {
		return ""
	}
	return group
}
