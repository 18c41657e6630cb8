package route

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
)

// Route decides.
func Route(in Input) Result {
	d := &decision{in: in, group: Group(in.Event)}
	for _, alert := range in.Alerts {
		d.alert = alert
		if !alert.Spec.Suspend && d.matches() {
			d.dispatch()
		}
	}
	return d.result
}

// decision is one run of Route: what it knows, and the result so far.
type decision struct {
	in     Input
	group  string
	alert  Alert
	result Result
}

func (d *decision) ref() Ref {
	return Ref{Namespace: d.alert.Namespace, Name: d.alert.Name, UID: d.alert.UID}
}

func (d *decision) problem(reason meta.Reason, format string, args ...any) {
	d.result.Problems = append(d.result.Problems, Problem{
		Alert: d.ref(), Reason: reason, Message: fmt.Sprintf(format, args...),
	})
}

func (d *decision) drop(format string, args ...any) {
	d.result.Drops = append(d.result.Drops, Drop{Alert: d.ref(), Why: fmt.Sprintf(format, args...)})
}

// dispatch leads a matching Alert to its Provider.
func (d *decision) dispatch() {
	object := d.in.Event.InvolvedObject
	if d.in.Policy.NoCrossNamespace && object.Namespace != d.alert.Namespace {
		d.problem(meta.ReasonNotificationDispatchFailed,
			"%s/%s in namespace %s is not notified about: references to other namespaces are switched off in this installation",
			object.Kind, object.Name, object.Namespace)
		return
	}
	name := d.alert.Spec.ProviderRef.Name
	provider := d.in.Providers[d.alert.provider()]
	switch {
	case provider.Err != nil:
		d.problem(meta.ReasonNotificationDispatchFailed, "reading Provider %s: %v", name, provider.Err)
		return
	case provider.Object == nil:
		d.problem(meta.ReasonNotificationDispatchFailed, "Provider %s does not exist in namespace %s", name, d.alert.Namespace)
		return
	case provider.Object.Spec.Suspend:
		return
	}
	if d.leftOut(provider.Takes) || d.refused(provider.Object, provider.Supported) {
		return
	}
	event := *d.in.Event.DeepCopy()
	event.Metadata = d.merge()
	d.result.Deliveries = append(d.result.Deliveries, Delivery{
		Alert: d.ref(), Event: event, ID: d.id(),
		Provider: Ref{Namespace: provider.Object.Namespace, Name: provider.Object.Name, UID: provider.Object.UID},
	})
}

// leftOut holds the rules under which a type of Provider does not get an event.
func (d *decision) leftOut(takes Interest) bool {
	update := d.in.Event.Metadata[eventv1.Key(d.group, eventv1.MetaCommitStatusKey)] == eventv1.MetaCommitStatusUpdateValue
	if update && takes != CommitStatuses && takes != Everything {
		return true
	}
	_, hasCommit := d.in.Event.Metadata[eventv1.Key(eventv1.Group, eventv1.MetaCommitKey)]
	if takes == CommitStatuses && !hasCommit && !update && d.in.Event.Severity != eventv1.SeverityError {
		d.drop("the event has no commit to report a status for")
		return true
	}
	_, hasRequest := d.in.Event.Metadata[eventv1.Key(eventv1.Group, eventv1.MetaChangeRequestKey)]
	if takes == ChangeRequests && !hasRequest {
		d.drop("the event has no change request to comment on")
		return true
	}
	return false
}

// refused reports to the owner what of a Provider cannot be done.
func (d *decision) refused(provider *notificationv1.Provider, supported bool) bool {
	spec := provider.Spec
	switch {
	case spec.ServiceAccountName != "" && !d.in.Policy.WorkloadIdentity:
		d.problem(meta.ReasonNotificationDispatchFailed,
			"Provider %s sets spec.serviceAccountName, which needs the feature gate ObjectLevelWorkloadIdentity", provider.Name)
	case !supported:
		d.problem(meta.ReasonFieldNotSupported,
			"Provider %s has spec.type %s, which this version does not act on; nothing is sent", provider.Name, spec.Type)
	case spec.ServiceAccountName != "":
		d.problem(meta.ReasonFieldNotSupported,
			"Provider %s sets spec.serviceAccountName, which this version does not act on with type %s; nothing is sent", provider.Name, spec.Type)
	case spec.CommitStatusExpr != "":
		d.problem(meta.ReasonFieldNotSupported,
			"Provider %s sets spec.commitStatusExpr, which this version does not act on; nothing is sent", provider.Name)
	default:
		return false
	}
	return true
}

// id names the event under this Alert; sending it again gives the same.
func (d *decision) id() string {
	sum := sha256.New()
	// An event was decoded from JSON, so it can be encoded.
	_ = json.NewEncoder(sum).Encode(d.in.Event)
	sum.Write([]byte(d.alert.UID))
	return hex.EncodeToString(sum.Sum(nil))
}

// Group returns the API group of the object an event is about.
func Group(event *eventv1.Event) string {
	group, _, found := strings.Cut(event.InvolvedObject.APIVersion, "/")
	if !found {
		return ""
	}
	return group
}
