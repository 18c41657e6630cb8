package events_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/events"
)

// recorded is a Kubernetes event as it was handed to client-go.
type recorded struct {
	Ref           *corev1.ObjectReference
	Annotations   map[string]string
	Type, Reason  string
	MessageLength int
}

// kubernetes keeps what would be written to the API server.
type kubernetes struct {
	record.EventRecorder
	got []recorded
}

func (k *kubernetes) AnnotatedEventf(obj runtime.Object, annotations map[string]string, eventType, reason, format string, args ...any) {
	ref, _ := obj.(*corev1.ObjectReference)
	message, _ := args[0].(string)
	if format != "%s" {
		message = "" // a message with a percent sign would be read as a format
	}
	k.got = append(k.got, recorded{
		Ref: ref, Annotations: annotations, Type: eventType, Reason: reason, MessageLength: utf8.RuneCountInString(message),
	})
}

func repository() *sourcev1.GitRepository {
	return &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{
		Namespace: "apps", Name: "podinfo", UID: types.UID("1-2-3"), ResourceVersion: "42",
		Annotations: map[string]string{
			meta.PrefixEvent + "team":   "blue",
			"reconcile.fluxcd.io/other": "not for events",
		},
	}}
}

func at() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestRecorderNotifiesBoth(t *testing.T) {
	reference := corev1.ObjectReference{
		APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "GitRepository",
		Namespace: "apps", Name: "podinfo", UID: "1-2-3", ResourceVersion: "42",
	}
	annotations := map[string]string{
		"event.toolkit.fluxcd.io/team":      "blue",
		"source.toolkit.fluxcd.io/revision": "main@sha1:abc",
		"event.toolkit.fluxcd.io/commit":    "abc",
	}
	posted := func(severity, reason, message string) *eventv1.Event {
		return &eventv1.Event{
			InvolvedObject: reference, Severity: severity, Timestamp: metav1.NewTime(at()), Message: message, Reason: reason,
			Metadata: annotations, ReportingController: "source-controller", ReportingInstance: "pod-1",
		}
	}
	kube := func(eventType, reason string, length int) *recorded {
		return &recorded{Ref: &reference, Annotations: annotations, Type: eventType, Reason: reason, MessageLength: length}
	}
	cases := map[string]struct {
		why    string
		event  events.Event
		kube   *recorded
		posted *eventv1.Event
	}{
		"Info": {
			why:    "the payload is that of the wire contract, keys without group get the kind's",
			event:  events.Event{Severity: events.Info, Reason: meta.ReasonNewArtifact, Message: "stored 100% of it"},
			kube:   kube("Normal", "NewArtifact", 17),
			posted: posted("info", "NewArtifact", "stored 100% of it"),
		},
		"Error": {
			why:    "an error is a warning in Kubernetes",
			event:  events.Event{Severity: events.Error, Reason: meta.ReasonGitOperationFailed, Message: "no"},
			kube:   kube("Warning", "GitOperationFailed", 2),
			posted: posted("error", "GitOperationFailed", "no"),
		},
		"Trace": {
			why:   "a trace is Normal in Kubernetes and is never posted",
			event: events.Event{Severity: events.Trace, Reason: meta.ReasonSucceeded, Message: "ok"},
			kube:  kube("Normal", "Succeeded", 2),
		},
		"Silent": {
			why:    "a revision advance is posted for commit statuses without a Kubernetes event",
			event:  events.Event{Severity: events.Info, Reason: meta.ReasonReconciliationSucceeded, Message: "ok", Silent: true},
			posted: posted("info", "ReconciliationSucceeded", "ok"),
		},
		"LongMessage": {
			why:    "39,000 characters are the limit, not bytes",
			event:  events.Event{Severity: events.Info, Reason: meta.ReasonSucceeded, Message: strings.Repeat("世", 39001)},
			kube:   kube("Normal", "Succeeded", 39000),
			posted: posted("info", "Succeeded", strings.Repeat("世", 38997)+"..."),
		},
		"LongestMessage": {
			why:    "what fits is not cut",
			event:  events.Event{Severity: events.Info, Reason: meta.ReasonSucceeded, Message: strings.Repeat("世", 39000)},
			kube:   kube("Normal", "Succeeded", 39000),
			posted: posted("info", "Succeeded", strings.Repeat("世", 39000)),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			receiver := newReceiver(t)
			spool := events.NewSpool(receiver.url, receiver.client, clock.RealClock{}, logr.Discard(), nil)
			start(t, spool)
			k := &kubernetes{}
			recorder := &events.Recorder{
				Kubernetes: k, Spool: spool, Controller: "source-controller", Instance: "pod-1", Now: at,
			}
			tc.event.GVK = sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind)
			tc.event.Metadata = map[string]string{"revision": "main@sha1:abc", eventv1.Group + "/commit": "abc"}
			recorder.Emit(repository(), tc.event)
			last := eventv1.Event{Reason: "End"}
			spool.Put(last)

			var want []recorded
			if tc.kube != nil {
				want = append(want, *tc.kube)
			}
			if diff := cmp.Diff(want, k.got); diff != "" {
				t.Errorf("%s: Kubernetes (-want +got):\n%s", tc.why, diff)
			}
			got := receiver.next(t)
			if tc.posted == nil {
				if got.Reason != "End" {
					t.Errorf("%s: posted %+v", tc.why, got)
				}
				return
			}
			if diff := cmp.Diff(*tc.posted, got, cmp.Transformer("UTC", func(at metav1.Time) time.Time { return at.UTC() })); diff != "" {
				t.Errorf("%s: posted (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestRecorderWithoutReceiver(t *testing.T) {
	k := &kubernetes{}
	recorder := &events.Recorder{Kubernetes: k, Controller: "source-controller", Now: at}
	recorder.Emit(repository(), events.Event{Reason: meta.ReasonSucceeded, Message: "ok"})
	if len(k.got) != 1 {
		t.Errorf("without --events-addr Kubernetes still hears: %v", k.got)
	}
}

func TestEventMetadataWinsOverAnnotations(t *testing.T) {
	k := &kubernetes{}
	recorder := &events.Recorder{Kubernetes: k, Now: at}
	var obj client.Object = repository()
	recorder.Emit(obj, events.Event{Metadata: map[string]string{meta.PrefixEvent + "team": "red"}})
	if got := k.got[0].Annotations[meta.PrefixEvent+"team"]; got != "red" {
		t.Errorf("an annotation of the object forged metadata of the controller: %q", got)
	}
	if got := obj.GetAnnotations()[meta.PrefixEvent+"team"]; got != "blue" {
		t.Errorf("the object was changed: %q", got)
	}
}

func TestDiscard(t *testing.T) {
	var sink events.Sink = events.Discard{}
	sink.Emit(repository(), events.Event{})
}
