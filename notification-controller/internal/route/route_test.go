package route

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
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

type alertChange = func(*notificationv1.AlertSpec)

func alert(change ...alertChange) notificationv1.Alert {
	a := notificationv1.Alert{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "alert", UID: "alert-uid", Generation: 1},
		Spec: notificationv1.AlertSpec{
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
	return func(a *notificationv1.AlertSpec) {
		a.EventSources = []notificationv1.CrossNamespaceObjectReference{s}
	}
}

// providerNamed is what is found under a name: it is the type, after an optional
// prefix that says what else is set.
func providerNamed(name types.NamespacedName) Provider {
	p := &notificationv1.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, UID: types.UID(name.Name)}}
	p.Spec.Type = name.Name[strings.LastIndex(name.Name, " ")+1:]
	switch {
	case name.Name == "missing":
		return Provider{}
	case name.Name == "unreachable":
		return Provider{Err: errors.New("the API server is gone")}
	case strings.HasPrefix(name.Name, "suspended "):
		p.Spec.Suspend = true
	case strings.HasPrefix(name.Name, "account "):
		p.Spec.ServiceAccountName = "sa"
	case strings.HasPrefix(name.Name, "expression "):
		p.Spec.CommitStatusExpr = "'id'"
	}
	takes := map[string]Interest{
		"generic": Everything, "generic-hmac": Everything, "github": CommitStatuses, "status": CommitStatuses,
		"githubpullrequestcomment": ChangeRequests, "comment": ChangeRequests,
	}
	supported := map[string]bool{"slack": true, "generic": true, "generic-hmac": true, "status": true, "comment": true}
	return Provider{Object: p, Takes: takes[p.Spec.Type], Supported: supported[p.Spec.Type]}
}

// input gathers what NeedsOf asks for, and no more.
func input(e *eventv1.Event, alerts ...notificationv1.Alert) Input {
	in := Input{Event: e, Providers: map[types.NamespacedName]Provider{}}
	for i := range alerts {
		in.Alerts = append(in.Alerts, Alert{Alert: &alerts[i], Filter: NewFilter(&alerts[i])})
	}
	needs := NeedsOf(e, in.Alerts)
	if needs.Labels {
		in.Labels.Values = map[string]string{"tier": "web"}
	}
	for _, name := range needs.Providers {
		in.Providers[name] = providerNamed(name)
	}
	return in
}

func TestMatching(t *testing.T) {
	type ref = notificationv1.CrossNamespaceObjectReference
	list := func(include, exclude []string) alertChange {
		return func(a *notificationv1.AlertSpec) { a.InclusionList, a.ExclusionList = include, exclude }
	}
	cases := map[string]struct {
		why      string
		alert    notificationv1.Alert
		event    *eventv1.Event
		want     int
		problems string
	}{
		"All":              {"every object of the kind", alert(), event(), 1, ""},
		"Suspended":        {"a suspended Alert reports nothing", alert(func(a *notificationv1.AlertSpec) { a.Suspend = true }), event(), 0, ""},
		"OtherKind":        {"another kind", alert(source(ref{Kind: "HelmRelease", Name: "*"})), event(), 0, ""},
		"OtherNamespace":   {"no namespace means the Alert's", alert(), event(func(e *eventv1.Event) { e.InvolvedObject.Namespace = "b" }), 0, ""},
		"NamedNamespace":   {"unless one is named", alert(source(ref{Kind: "Kustomization", Name: "*", Namespace: "b"})), event(func(e *eventv1.Event) { e.InvolvedObject.Namespace = "b" }), 1, ""},
		"Name":             {"the name", alert(source(ref{Kind: "Kustomization", Name: "app"})), event(), 1, ""},
		"OtherName":        {"another name", alert(source(ref{Kind: "Kustomization", Name: "ap"})), event(), 0, ""},
		"APIVersion":       {"the version of the source is ignored", alert(source(ref{Kind: "Kustomization", Name: "app", APIVersion: "x/v9"})), event(), 1, ""},
		"ErrorOnly":        {"error takes no info", alert(func(a *notificationv1.AlertSpec) { a.EventSeverity = "error" }), event(info), 0, ""},
		"ErrorError":       {"error takes errors", alert(func(a *notificationv1.AlertSpec) { a.EventSeverity = "error" }), event(), 1, ""},
		"InfoInfo":         {"info takes everything", alert(), event(info), 1, ""},
		"Labels":           {"labels of the live object", alert(source(ref{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"tier": "web"}})), event(), 1, ""},
		"OtherLabels":      {"other labels", alert(source(ref{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"tier": "db"}})), event(), 0, ""},
		"BadLabels":        {"labels that cannot be", alert(source(ref{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"a b": "c"}})), event(), 0, "InvalidConfig"},
		"Included":         {"one expression is enough", alert(list([]string{"^nope", "no such"}, nil)), event(), 1, ""},
		"NotIncluded":      {"none matches", alert(list([]string{"^nope"}, nil)), event(), 0, ""},
		"Excluded":         {"excluded", alert(list(nil, []string{"no such"})), event(), 0, ""},
		"Both":             {"exclusion wins", alert(list([]string{"build"}, []string{"no such"})), event(), 0, ""},
		"BadInclusion":     {"an entry that does not compile is skipped and reported", alert(list([]string{"(", "build"}, nil)), event(), 1, "InvalidConfig"},
		"OnlyBadInclusion": {"a list of nothing includes nothing", alert(list([]string{"("}, nil)), event(), 0, "InvalidConfig"},
		"BadExclusion":     {"nor does it exclude", alert(list(nil, []string{"("})), event(), 1, "InvalidConfig"},
		"TwoSources": {"two sources, one notification", alert(func(a *notificationv1.AlertSpec) {
			a.EventSources = append(a.EventSources, ref{Kind: "Kustomization", Name: "app"})
		}), event(), 1, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Route(input(tc.event, tc.alert))
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
	to := func(name string) notificationv1.Alert {
		return alert(func(a *notificationv1.AlertSpec) { a.ProviderRef.Name = name })
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
		"Suspended":         {"a suspended one is skipped silently", "suspended slack", event(), 0, "", 0},
		"SuspendedFirst":    {"whatever its type", "suspended github", event(), 0, "", 0},
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
		"StatusUpdate":      {"a type that is acted on gets what it is for", "status", event(info, update), 1, "", 0},
		"StatusNothing":     {"and nothing else", "status", event(info), 0, "", 1},
		"Commented":         {"a change request", "comment", event(request), 1, "", 0},
		"CommentedNothing":  {"or none", "comment", event(), 0, "", 1},
		"Expression":        {"an expression that we do not act on", "expression status", event(), 0, "FieldNotSupported", 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Route(input(tc.event, to(tc.provider)))
			if len(got.Deliveries) != tc.want || len(got.Drops) != tc.drops {
				t.Errorf("%s: %d deliveries and %d drops, want %d and %d", tc.why, len(got.Deliveries), len(got.Drops), tc.want, tc.drops)
			}
			if diff := cmp.Diff(tc.problems, reasons(got)); diff != "" {
				t.Errorf("%s: problems %s", tc.why, diff)
			}
		})
	}
	got := Route(input(event(), to("msteams")))
	if !strings.Contains(got.Problems[0].Message, "msteams") {
		t.Errorf("the type is not named: %s", got.Problems[0].Message)
	}
	gated := input(event(), to("account slack"))
	gated.Policy.WorkloadIdentity = true
	if got := Route(gated); reasons(got) != "FieldNotSupported" {
		t.Errorf("with the gate a service account is still not acted on: %s", reasons(got))
	}
}

func TestCrossNamespace(t *testing.T) {
	closed := func(e *eventv1.Event, a notificationv1.Alert) Result {
		in := input(e, a)
		in.Policy.NoCrossNamespace = true
		return Route(in)
	}
	a := alert(source(notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "*", Namespace: "b"}))
	got := closed(event(func(e *eventv1.Event) { e.InvolvedObject.Namespace = "b" }), a)
	if len(got.Deliveries) != 0 || reasons(got) != "NotificationDispatchFailed" {
		t.Errorf("an event of another namespace passed: %+v", got)
	}
	if got := closed(event(), alert()); len(got.Deliveries) != 1 {
		t.Errorf("one of the own did not: %+v", got)
	}
}

func TestMetadata(t *testing.T) {
	cases := map[string]struct {
		why      string
		event    *eventv1.Event
		alert    notificationv1.Alert
		want     map[string]string
		conflict string
	}{
		"Short": {"prefixes go", event(with(eventv1.Group+"/cluster", "c")), alert(), map[string]string{"revision": "main@sha1:1", "cluster": "c"}, ""},
		"Alert": {"the Alert's are added", event(), alert(func(a *notificationv1.AlertSpec) {
			a.EventMetadata = map[string]string{"env": "prod", "odd/key": "v", "summary": "sum"}
		}), map[string]string{"revision": "main@sha1:1", "env": "prod", "odd/key": "v", "summary": "sum"}, ""},
		"AlertOverObject": {"the Alert wins over the object", event(with(eventv1.Group+"/env", "dev")), alert(func(a *notificationv1.AlertSpec) {
			a.EventMetadata = map[string]string{"env": "prod"}
		}), map[string]string{"revision": "main@sha1:1", "env": "prod"}, "env (set by the annotations of the object, replaced by spec.eventMetadata)"},
		"ControllerOverAll": {"the controller over all", event(), alert(func(a *notificationv1.AlertSpec) {
			a.EventMetadata = map[string]string{"revision": "lie"}
		}), map[string]string{"revision": "main@sha1:1"}, "revision (set by spec.eventMetadata, replaced by the controller)"},
		"AllThree": {"every layer replaces the one before", event(with(eventv1.Group+"/revision", "object")), alert(func(a *notificationv1.AlertSpec) {
			a.EventMetadata = map[string]string{"revision": "alert"}
		}), map[string]string{"revision": "main@sha1:1"}, "revision (set by spec.eventMetadata, replaced by the controller), " +
			"revision (set by the annotations of the object, replaced by spec.eventMetadata)"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Route(input(tc.event, tc.alert))
			if len(got.Deliveries) != 1 {
				t.Fatalf("%s: %d deliveries; a conflict must not stop it", tc.why, len(got.Deliveries))
			}
			if diff := cmp.Diff(tc.want, got.Deliveries[0].Event.Metadata); diff != "" {
				t.Errorf("%s: %s", tc.why, diff)
			}
			reported := ""
			for _, p := range got.Problems {
				reported += fmt.Sprintf("%s: %s", p.Reason, p.Message)
			}
			if want := tc.conflict; want != "" && reported != "MetadataAppendFailed: metadata keys are set more than once: "+want || want == "" && reported != "" {
				t.Errorf("%s: reported %q", tc.why, reported)
			}
		})
	}
}

// TestNeeds: reading labels is a request to the API server, so it is asked for
// only where the decision depends on them.
func TestNeeds(t *testing.T) {
	type ref = notificationv1.CrossNamespaceObjectReference
	sources := func(refs ...ref) alertChange {
		return func(a *notificationv1.AlertSpec) { a.EventSources = refs }
	}
	to := func(name string) alertChange {
		return func(a *notificationv1.AlertSpec) { a.ProviderRef.Name = name }
	}
	all, web := ref{Kind: "Kustomization", Name: "*"}, map[string]string{"tier": "web"}
	labelled := ref{Kind: "Kustomization", Name: "*", MatchLabels: web}
	slack := []types.NamespacedName{{Namespace: "team", Name: "slack"}}
	cases := map[string]struct {
		why    string
		event  *eventv1.Event
		alerts []notificationv1.Alert
		want   Needs
	}{
		"Nobody":    {"no Alert, no reads", event(), nil, Needs{}},
		"Provider":  {"the Provider of an Alert that matches", event(), []notificationv1.Alert{alert()}, Needs{Providers: slack}},
		"Shared":    {"each once", event(), []notificationv1.Alert{alert(), alert()}, Needs{Providers: slack}},
		"Two":       {"in the order of the Alerts", event(), []notificationv1.Alert{alert(to("b")), alert(to("a"))}, Needs{Providers: []types.NamespacedName{{Namespace: "team", Name: "b"}, {Namespace: "team", Name: "a"}}}},
		"Suspended": {"nothing for a suspended Alert", event(), []notificationv1.Alert{alert(sources(labelled), func(a *notificationv1.AlertSpec) { a.Suspend = true })}, Needs{}},
		"OtherKind": {"nothing for one about something else", event(), []notificationv1.Alert{alert(sources(ref{Kind: "HelmRelease", Name: "*", MatchLabels: web}))}, Needs{}},
		"Severity":  {"nor for one that wants errors", event(info), []notificationv1.Alert{alert(sources(labelled), func(a *notificationv1.AlertSpec) { a.EventSeverity = "error" })}, Needs{}},
		"Labels":    {"a selector needs labels", event(), []notificationv1.Alert{alert(sources(labelled))}, Needs{Labels: true, Providers: slack}},
		"OneLabels": {"of one Alert among others", event(), []notificationv1.Alert{alert(), alert(sources(labelled)), alert()}, Needs{Labels: true, Providers: slack}},
		"BadLabels": {"a selector that cannot be is not compared", event(), []notificationv1.Alert{alert(sources(ref{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"a b": "c"}}))}, Needs{}},
		"Decided":   {"a source before it matches without labels", event(), []notificationv1.Alert{alert(sources(all, labelled))}, Needs{Providers: slack}},
		"Undecided": {"one behind it does not count", event(), []notificationv1.Alert{alert(sources(labelled, all))}, Needs{Labels: true, Providers: slack}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, NeedsOf(tc.event, input(tc.event, tc.alerts...).Alerts)); diff != "" {
				t.Errorf("%s: %s", tc.why, diff)
			}
		})
	}
}

// TestLabelsThatCannotBeRead: the Alerts that need them do not match and hear why;
// the others are not concerned.
func TestLabelsThatCannotBeRead(t *testing.T) {
	labelled := alert(source(notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "*", MatchLabels: map[string]string{"a": "b"}}))
	in := input(event(), labelled, labelled, alert())
	in.Labels = Labels{Err: errors.New("forbidden")}
	got := Route(in)
	if len(got.Deliveries) != 1 || reasons(got) != "SourceFetchFailed,SourceFetchFailed" {
		t.Errorf("%d deliveries, problems %s", len(got.Deliveries), reasons(got))
	}
	if want := "reading the labels of Kustomization/app in namespace team: forbidden"; got.Problems[0].Message != want {
		t.Errorf("the problem reads %q, want %q", got.Problems[0].Message, want)
	}
}

// TestRouteIsPure: the same input gives the same result, and is left as it was.
func TestRouteIsPure(t *testing.T) {
	make := func() Input {
		return input(event(with(eventv1.Group+"/env", "dev")),
			alert(func(a *notificationv1.AlertSpec) { a.InclusionList = []string{"(", "build"} }), alert())
	}
	in := make()
	first := Route(in)
	if diff := cmp.Diff(first, Route(in)); diff != "" || len(first.Deliveries) != 2 {
		t.Errorf("%d deliveries, then others: %s", len(first.Deliveries), diff)
	}
	first.Deliveries[0].Event.Metadata["env"] = "changed"
	if diff := cmp.Diff(make(), in, cmp.AllowUnexported(Filter{}), cmp.Comparer(func(x, y *regexp.Regexp) bool { return x.String() == y.String() })); diff != "" {
		t.Errorf("the input was changed: %s", diff)
	}
}

func TestIDs(t *testing.T) {
	other := alert()
	other.UID = "other"
	got := Route(input(event(), alert(), other))
	again := Route(input(event(), alert()))
	later := Route(input(event(func(e *eventv1.Event) { e.Message = "x" }), alert()))
	if got.Deliveries[0].ID != again.Deliveries[0].ID {
		t.Error("the same event has another ID")
	}
	if got.Deliveries[0].ID == got.Deliveries[1].ID || got.Deliveries[0].ID == later.Deliveries[0].ID {
		t.Error("two deliveries share an ID")
	}
}
