package route

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
)

const group = "kustomize.toolkit.fluxcd.io"

func event(change ...func(*eventv1.Event)) *eventv1.Event {
	e := &eventv1.Event{
		InvolvedObject: corev1.ObjectReference{APIVersion: group + "/v1", Kind: "Kustomization", Name: "app", Namespace: "team"},
		Severity:       eventv1.SeverityError, Message: "build failed: no such file", Reason: "BuildFailed",
		Metadata: map[string]string{group + "/revision": "main@sha1:1"},
	}
	for _, c := range change {
		c(e)
	}
	return e
}

func info(e *eventv1.Event) { e.Severity = eventv1.SeverityInfo }

func with(key, value string) func(*eventv1.Event) {
	return func(e *eventv1.Event) { e.Metadata[key] = value }
}

type alertChange = func(*notificationv1beta3.AlertSpec)

func alert(change ...alertChange) notificationv1beta3.Alert {
	a := notificationv1beta3.Alert{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "alert", UID: "alert-uid", Generation: 1},
		Spec: notificationv1beta3.AlertSpec{
			ProviderRef: meta.LocalObjectReference{Name: "slack"}, EventSeverity: eventv1.SeverityInfo,
			EventSources: []notificationv1.CrossNamespaceObjectReference{{Kind: "Kustomization", Name: "*"}},
		},
	}
	for _, c := range change {
		c(&a.Spec)
	}
	return a
}

func source(s notificationv1.CrossNamespaceObjectReference) alertChange {
	return func(a *notificationv1beta3.AlertSpec) {
		a.EventSources = []notificationv1.CrossNamespaceObjectReference{s}
	}
}

// router knows the Providers of the test by their name: it is the type, after an
// optional word that says what else is set.
func router() *Router {
	return &Router{
		Labels: func(context.Context, corev1.ObjectReference) (map[string]string, error) {
			return map[string]string{"tier": "web"}, nil
		},
		Provider: func(_ context.Context, namespace, name string) (*notificationv1beta3.Provider, error) {
			p := &notificationv1beta3.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)}}
			p.Spec.Type = name[strings.LastIndex(name, " ")+1:]
			switch {
			case name == "missing":
				return nil, nil //nolint:nilnil // As documented.
			case name == "unreachable":
				return nil, errors.New("the API server is gone")
			case strings.HasPrefix(name, "suspended "):
				p.Spec.Suspend = true
			case strings.HasPrefix(name, "account "):
				p.Spec.ServiceAccountName = "sa"
			}
			return p, nil
		},
		Supported: func(t string) bool { return t == "slack" || t == "generic" || t == "generic-hmac" },
	}
}

func TestMatching(t *testing.T) {
	type ref = notificationv1.CrossNamespaceObjectReference
	list := func(include, exclude []string) alertChange {
		return func(a *notificationv1beta3.AlertSpec) { a.InclusionList, a.ExclusionList = include, exclude }
	}
	cases := map[string]struct {
		why      string
		alert    notificationv1beta3.Alert
		event    *eventv1.Event
		want     int
		problems string
	}{
		"All":              {"every object of the kind", alert(), event(), 1, ""},
		"Suspended":        {"a suspended Alert is quiet", alert(func(a *notificationv1beta3.AlertSpec) { a.Suspend = true }), event(), 0, ""},
		"OtherKind":        {"another kind", alert(source(ref{Kind: "HelmRelease", Name: "*"})), event(), 0, ""},
		"OtherNamespace":   {"no namespace means the Alert's", alert(), event(func(e *eventv1.Event) { e.InvolvedObject.Namespace = "b" }), 0, ""},
		"NamedNamespace":   {"unless one is named", alert(source(ref{Kind: "Kustomization", Name: "*", Namespace: "b"})), event(func(e *eventv1.Event) { e.InvolvedObject.Namespace = "b" }), 1, ""},
		"Name":             {"the name", alert(source(ref{Kind: "Kustomization", Name: "app"})), event(), 1, ""},
		"OtherName":        {"another name", alert(source(ref{Kind: "Kustomization", Name: "ap"})), event(), 0, ""},
		"APIVersion":       {"the version of the source is ignored", alert(source(ref{Kind: "Kustomization", Name: "app", APIVersion: "x/v9"})), event(), 1, ""},
		"ErrorOnly":        {"error takes no info", alert(func(a *notificationv1beta3.AlertSpec) { a.EventSeverity = "error" }), event(info), 0, ""},
		"ErrorError":       {"error takes errors", alert(func(a *notificationv1beta3.AlertSpec) { a.EventSeverity = "error" }), event(), 1, ""},
		"InfoInfo":         {"info takes everything", alert(), event(info), 1, ""},
		"Labels":           {"labels of the live object", alert(source(ref{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"tier": "web"}})), event(), 1, ""},
		"OtherLabels":      {"other labels", alert(source(ref{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"tier": "db"}})), event(), 0, ""},
		"BadLabels":        {"labels that cannot be", alert(source(ref{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"a b": "c"}})), event(), 0, "InvalidConfig"},
		"Included":         {"one expression is enough", alert(list([]string{"^nope", "no such"}, nil)), event(), 1, ""},
		"NotIncluded":      {"none matches", alert(list([]string{"^nope"}, nil)), event(), 0, ""},
		"Excluded":         {"excluded", alert(list(nil, []string{"no such"})), event(), 0, ""},
		"Both":             {"exclusion wins", alert(list([]string{"build"}, []string{"no such"})), event(), 0, ""},
		"BadInclusion":     {"an entry that does not compile is skipped and told", alert(list([]string{"(", "build"}, nil)), event(), 1, "InvalidConfig"},
		"OnlyBadInclusion": {"a list of nothing includes nothing", alert(list([]string{"("}, nil)), event(), 0, "InvalidConfig"},
		"BadExclusion":     {"nor does it exclude", alert(list(nil, []string{"("})), event(), 1, "InvalidConfig"},
		"TwoSources": {"two sources, one notification", alert(func(a *notificationv1beta3.AlertSpec) {
			a.EventSources = append(a.EventSources, ref{Kind: "Kustomization", Name: "app"})
		}), event(), 1, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := router().Route(t.Context(), tc.event, []notificationv1beta3.Alert{tc.alert})
			if len(got.Deliveries) != tc.want {
				t.Errorf("%s: %d deliveries, want %d", tc.why, len(got.Deliveries), tc.want)
			}
			if diff := cmp.Diff(tc.problems, reasons(got)); diff != "" {
				t.Errorf("%s: problems %s", tc.why, diff)
			}
		})
	}
}

func reasons(r Result) string {
	var out []string
	for _, p := range r.Problems {
		out = append(out, string(p.Reason))
	}
	return strings.Join(out, ",")
}

func TestDispatchRules(t *testing.T) {
	to := func(name string) notificationv1beta3.Alert {
		return alert(func(a *notificationv1beta3.AlertSpec) { a.ProviderRef.Name = name })
	}
	update := with(group+"/commit_status", "update")
	commit := with(eventv1.Group+"/commit", "sha1:1")
	request := with(eventv1.Group+"/change_request", "7")
	cases := map[string]struct {
		why      string
		provider string
		event    *eventv1.Event
		want     int
		problems string
		drops    int
	}{
		"Slack":             {"what it is for", "slack", event(), 1, "", 0},
		"Missing":           {"a Provider that is not there", "missing", event(), 0, "NotificationDispatchFailed", 0},
		"Unreachable":       {"or cannot be read", "unreachable", event(), 0, "NotificationDispatchFailed", 0},
		"Suspended":         {"a suspended one is skipped in silence", "suspended slack", event(), 0, "", 0},
		"SuspendedFirst":    {"before its type is looked at", "suspended github", event(), 0, "", 0},
		"UpdateSlack":       {"commit status updates are not for people", "slack", event(info, update), 0, "", 0},
		"UpdateGeneric":     {"but for machines", "generic", event(info, update), 1, "", 0},
		"UpdateHMAC":        {"of both kinds", "generic-hmac", event(info, update), 1, "", 0},
		"UpdateValue":       {"only the value update counts", "slack", event(with(group+"/commit_status", "x")), 1, "", 0},
		"GitHubNothing":     {"no commit, no status", "github", event(info), 0, "", 1},
		"GitHubUpdate":      {"an update is one", "github", event(info, update), 0, "FieldNotSupported", 0},
		"GitHubCommit":      {"so is a commit", "github", event(info, commit), 0, "FieldNotSupported", 0},
		"GitHubError":       {"and an error", "github", event(), 0, "FieldNotSupported", 0},
		"CommentNothing":    {"nothing to comment on", "githubpullrequestcomment", event(), 0, "", 1},
		"CommentUpdate":     {"an update is no change request", "githubpullrequestcomment", event(update, request), 0, "", 0},
		"Comment":           {"something to comment on", "githubpullrequestcomment", event(request), 0, "FieldNotSupported", 0},
		"Unsupported":       {"a type we do not act on is named", "msteams", event(), 0, "FieldNotSupported", 0},
		"ServiceAccount":    {"the gate is off", "account slack", event(), 0, "NotificationDispatchFailed", 0},
		"ServiceAccountAny": {"whatever the type", "account github", event(), 0, "NotificationDispatchFailed", 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := router().Route(t.Context(), tc.event, []notificationv1beta3.Alert{to(tc.provider)})
			if len(got.Deliveries) != tc.want || len(got.Drops) != tc.drops {
				t.Errorf("%s: %d deliveries and %d drops, want %d and %d", tc.why, len(got.Deliveries), len(got.Drops), tc.want, tc.drops)
			}
			if diff := cmp.Diff(tc.problems, reasons(got)); diff != "" {
				t.Errorf("%s: problems %s", tc.why, diff)
			}
		})
	}
	got := router().Route(t.Context(), event(), []notificationv1beta3.Alert{to("msteams")})
	if !strings.Contains(got.Problems[0].Message, "msteams") {
		t.Errorf("the type is not named: %s", got.Problems[0].Message)
	}
	gated := router()
	gated.WorkloadIdentity = true
	if got := gated.Route(t.Context(), event(), []notificationv1beta3.Alert{to("account slack")}); reasons(got) != "FieldNotSupported" {
		t.Errorf("with the gate a service account is still not acted on: %s", reasons(got))
	}
}

func TestCrossNamespace(t *testing.T) {
	r := router()
	r.NoCrossNamespace = true
	a := alert(source(notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "*", Namespace: "b"}))
	got := r.Route(t.Context(), event(func(e *eventv1.Event) { e.InvolvedObject.Namespace = "b" }), []notificationv1beta3.Alert{a})
	if len(got.Deliveries) != 0 || reasons(got) != "NotificationDispatchFailed" {
		t.Errorf("an event of another namespace passed: %+v", got)
	}
	if got := r.Route(t.Context(), event(), []notificationv1beta3.Alert{alert()}); len(got.Deliveries) != 1 {
		t.Errorf("one of the own did not: %+v", got)
	}
}

func TestMetadata(t *testing.T) {
	cases := map[string]struct {
		why      string
		event    *eventv1.Event
		alert    notificationv1beta3.Alert
		want     map[string]string
		conflict string
	}{
		"Short": {"prefixes go", event(with(eventv1.Group+"/cluster", "c")), alert(), map[string]string{"revision": "main@sha1:1", "cluster": "c"}, ""},
		"Alert": {"the Alert's are added", event(), alert(func(a *notificationv1beta3.AlertSpec) {
			a.EventMetadata, a.Summary = map[string]string{"env": "prod", "odd/key": "v"}, "sum"
		}), map[string]string{"revision": "main@sha1:1", "env": "prod", "odd/key": "v", "summary": "sum"}, ""},
		"AlertOverObject": {"the Alert wins over the object", event(with(eventv1.Group+"/env", "dev")), alert(func(a *notificationv1beta3.AlertSpec) {
			a.EventMetadata = map[string]string{"env": "prod"}
		}), map[string]string{"revision": "main@sha1:1", "env": "prod"}, "env (set by the annotations of the object, replaced by spec.eventMetadata)"},
		"SummaryOverMetadata": {"summary over eventMetadata", event(), alert(func(a *notificationv1beta3.AlertSpec) {
			a.EventMetadata, a.Summary = map[string]string{"summary": "old"}, "new"
		}), map[string]string{"revision": "main@sha1:1", "summary": "new"}, "summary (set by spec.eventMetadata, replaced by spec.summary)"},
		"ControllerOverAll": {"the controller over all", event(), alert(func(a *notificationv1beta3.AlertSpec) {
			a.EventMetadata = map[string]string{"revision": "lie"}
		}), map[string]string{"revision": "main@sha1:1"}, "revision (set by spec.eventMetadata, replaced by the controller)"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := router().Route(t.Context(), tc.event, []notificationv1beta3.Alert{tc.alert})
			if len(got.Deliveries) != 1 {
				t.Fatalf("%s: %d deliveries; a conflict must not stop it", tc.why, len(got.Deliveries))
			}
			if diff := cmp.Diff(tc.want, got.Deliveries[0].Event.Metadata); diff != "" {
				t.Errorf("%s: %s", tc.why, diff)
			}
			told := ""
			for _, p := range got.Problems {
				told += fmt.Sprintf("%s: %s", p.Reason, p.Message)
			}
			if want := tc.conflict; want != "" && told != "MetadataAppendFailed: metadata keys are set more than once: "+want || want == "" && told != "" {
				t.Errorf("%s: told %q", tc.why, told)
			}
		})
	}
}

func TestLabelsAreAskedOnce(t *testing.T) {
	calls := 0
	r := router()
	r.Labels = func(context.Context, corev1.ObjectReference) (map[string]string, error) {
		calls++
		return nil, errors.New("forbidden")
	}
	labelled := alert(source(notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"a": "b"}}))
	got := r.Route(t.Context(), event(), []notificationv1beta3.Alert{labelled, labelled, alert()})
	if calls != 1 || len(got.Deliveries) != 1 || reasons(got) != "SourceFetchFailed,SourceFetchFailed" {
		t.Errorf("%d calls, %d deliveries, problems %s", calls, len(got.Deliveries), reasons(got))
	}
	if r.Route(t.Context(), event(info), []notificationv1beta3.Alert{alert(func(a *notificationv1beta3.AlertSpec) {
		a.EventSeverity = "error"
		a.EventSources = labelled.Spec.EventSources
	})}); calls != 1 {
		t.Error("labels were asked for an event whose severity is not wanted")
	}
}

func TestListsAreCompiledOnce(t *testing.T) {
	r := router()
	a := alert(func(a *notificationv1beta3.AlertSpec) { a.InclusionList = []string{"build"} })
	r.Route(t.Context(), event(), []notificationv1beta3.Alert{a})
	first := r.lists.byUID[a.UID]
	r.Route(t.Context(), event(), []notificationv1beta3.Alert{a})
	if first == nil || r.lists.byUID[a.UID] != first {
		t.Error("the expressions were compiled again")
	}
	a.Generation, a.Spec.InclusionList = 2, []string{"nope"}
	if got := r.Route(t.Context(), event(), []notificationv1beta3.Alert{a}); len(got.Deliveries) != 0 {
		t.Error("the new generation was not read")
	}
	if r.Route(t.Context(), event(), nil); len(r.lists.byUID) != 0 {
		t.Error("an Alert that is gone is remembered")
	}
}

func TestIDs(t *testing.T) {
	other := alert()
	other.UID = "other"
	got := router().Route(t.Context(), event(), []notificationv1beta3.Alert{alert(), other})
	again := router().Route(t.Context(), event(), []notificationv1beta3.Alert{alert()})
	later := router().Route(t.Context(), event(func(e *eventv1.Event) { e.Message = "x" }), []notificationv1beta3.Alert{alert()})
	if got.Deliveries[0].ID != again.Deliveries[0].ID {
		t.Error("the same event has another ID")
	}
	if got.Deliveries[0].ID == got.Deliveries[1].ID || got.Deliveries[0].ID == later.Deliveries[0].ID {
		t.Error("two deliveries share an ID")
	}
}
