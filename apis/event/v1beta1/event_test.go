package v1beta1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
)

func TestEventOnTheWire(t *testing.T) {
	event := eventv1.Event{
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "default", Name: "app",
		},
		Severity:            eventv1.SeverityError,
		Timestamp:           metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		Message:             "no",
		Reason:              "BuildFailed",
		Metadata:            map[string]string{eventv1.Key("kustomize.toolkit.fluxcd.io", eventv1.MetaRevisionKey): "main@sha1:1"},
		ReportingController: "kustomize-controller",
		ReportingInstance:   "pod",
	}
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"involvedObject": map[string]any{
			"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "namespace": "default", "name": "app",
		},
		"severity": "error", "timestamp": "2026-01-02T03:04:05Z", "message": "no", "reason": "BuildFailed",
		"metadata":            map[string]any{"kustomize.toolkit.fluxcd.io/revision": "main@sha1:1"},
		"reportingController": "kustomize-controller", "reportingInstance": "pod",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the payload differs (-want +got):\n%s", diff)
	}
}

func TestEventMetadata(t *testing.T) {
	event := eventv1.Event{Metadata: map[string]string{"revision": "r", "g/commit_status": "update"}}
	if !event.HasMetadata(eventv1.MetaCommitStatusKey, eventv1.MetaCommitStatusUpdateValue) {
		t.Error("a key is found in whatever group")
	}
	if event.HasMetadata("status", "update") {
		t.Error("a part of a key is not the key")
	}
	for _, step := range []string{"revision", "originRevision", "commit"} {
		event.Metadata[step] = step
		if got := event.GetRevision(); got != step {
			t.Errorf("revision is %q, want that of %s", got, step)
		}
	}
}
