package render_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
)

func TestOf(t *testing.T) {
	type fields = []render.Field
	cases := map[string]struct {
		why      string
		severity string
		text     string
		metadata map[string]string
		want     render.Message
		first    string
	}{
		"Info": {"metadata is sorted", eventv1.SeverityInfo, "Applied revision: main@sha1:1", map[string]string{"revision": "main@sha1:1", "env": "prod"},
			render.Message{Text: "Applied revision: main@sha1:1", Fields: fields{{Title: "env", Value: "prod"}, {Title: "revision", Value: "main@sha1:1"}}}, "Applied revision: main@sha1:1"},
		"Error": {"an error is marked", eventv1.SeverityError, "it broke", nil, render.Message{Failed: true, Text: "it broke"}, "it broke"},
		"Lines": {"lines end in one way", eventv1.SeverityInfo, "\nDeployment invalid\r\n\tspec.replicas\n", nil,
			render.Message{Text: "\nDeployment invalid\n\tspec.replicas\n"}, "Deployment invalid"},
		"Controls": {"what is not text goes", eventv1.SeverityInfo, "a\x00b\x1b[31mred\u202egnp.exe\u2066x", map[string]string{"k\x07": "v\u200f"},
			render.Message{Text: "ab[31mredgnp.exex", Fields: fields{{Title: "k", Value: "v"}}}, "ab[31mredgnp.exex"},
		"Neutral": {"what a service would act on stays: escaping is the service's own", eventv1.SeverityInfo, "<!channel> & <b>", map[string]string{"<!here>": "@everyone"},
			render.Message{Text: "<!channel> & <b>", Fields: fields{{Title: "<!here>", Value: "@everyone"}}}, "<!channel> & <b>"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			event := eventv1.Event{
				InvolvedObject: corev1.ObjectReference{Kind: "Kustomization", Name: "app", Namespace: "team"},
				Severity:       tc.severity, Message: tc.text, Metadata: tc.metadata, ReportingController: "kustomize-controller",
			}
			tc.want.ID, tc.want.Object, tc.want.Controller, tc.want.Event = "id", "kustomization/app.team", "kustomize-controller", event
			got := render.Of("id", event)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.why, diff)
			}
			if got.FirstLine() != tc.first {
				t.Errorf("%s: the first line is %q", tc.why, got.FirstLine())
			}
		})
	}
}
