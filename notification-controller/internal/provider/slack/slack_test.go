package slack

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/conformance"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		New:  func(poster *provider.Poster) provider.Service { return &Service{Poster: poster} },
		Sink: webhooksink.Options{Slack: true},
		Lacks: map[conformance.Capability]string{
			conformance.Headers: "Slack asks for no headers of the user",
			conformance.Token:   "the address of a webhook is its credential, and the API itself says that a token is missing",
		},
	})
}

// TestPayload holds every key of the wire contract, and that there is no other.
func TestPayload(t *testing.T) {
	body, err := json.Marshal(compose(&provider.Settings{Channel: "ops"}, message()))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"channel": "ops", "username": "kustomize-controller", "icon_url": "", "icon_emoji": "",
		"attachments": []any{map[string]any{
			"fallback": "kustomization/app.team: it &lt;broke&gt;", "color": "danger", "author_name": "kustomization/app.team",
			"text": "it &lt;broke&gt;\nbadly", "mrkdwn_in": []any{"text"},
			"fields": []any{map[string]any{"title": "revision", "value": "main@sha1:1", "short": false}},
		}},
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Error(diff)
	}
	m := message()
	m.Failed = false
	if p := compose(&provider.Settings{Username: "bot"}, m); p.Username != "bot" || p.Attachments[0].Color != "good" {
		t.Errorf("username %q, color %q", p.Username, p.Attachments[0].Color)
	}
}

func TestToken(t *testing.T) {
	for token, want := range map[string]string{"xoxb-1": "Bearer xoxb-1", "": ""} {
		sink, err := webhooksink.Start(webhooksink.Options{Slack: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sink.Stop)
		settings := &provider.Settings{Address: sink.URL(), Token: token, Timeout: notificationv1.DefaultTimeout}
		if err := provider.Deliver(t.Context(), through(http.DefaultTransport), settings, message()); err != nil {
			t.Fatal(err)
		}
		if got := sink.Received()[0].Header.Get("Authorization"); got != want {
			t.Errorf("token %q: Authorization %q", token, got)
		}
	}
}

// through returns a service whose requests take the transport.
func through(transport http.RoundTripper) *Service {
	client := &http.Client{Transport: transport}
	return &Service{Poster: &provider.Poster{
		Client: func(*provider.Settings) (*http.Client, error) { return client, nil }, Clock: clock.RealClock{},
	}}
}

// elsewhere sends the requests of Slack's API to the sink.
type elsewhere struct{ url string }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(e.url, "http://")
	return http.DefaultTransport.RoundTrip(r)
}

func TestAPI(t *testing.T) {
	cases := map[string]struct {
		why, channel, token string
		fault               webhooksink.Fault
		want                string
		final               bool
	}{
		"Taken":      {"ok is true", "ops", "t", webhooksink.Fault{}, "", false},
		"NoToken":    {"200 is not success here", "ops", "", webhooksink.Fault{}, "not_authed", true},
		"NoChannel":  {"the code is shown", "", "t", webhooksink.Fault{}, "channel_not_found", true},
		"Limited":    {"some codes pass", "ops", "t", webhooksink.Fault{Body: `{"ok":false,"error":"ratelimited"}`}, "ratelimited", false},
		"Unknown":    {"what is not known is not shown", "ops", "t", webhooksink.Fault{Body: `{"ok":false,"error":"canary"}`}, "not known", true},
		"NotJSON":    {"a proxy's page is no answer", "ops", "t", webhooksink.Fault{Body: `<html>canary`}, "not the JSON", false},
		"Overloaded": {"the status counts first", "ops", "t", webhooksink.Fault{Status: 503}, "503", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sink, err := webhooksink.Start(webhooksink.Options{Slack: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(sink.Stop)
			sink.Script(tc.fault)
			settings := &provider.Settings{Address: apiAddress, Token: tc.token, Channel: tc.channel, Timeout: notificationv1.DefaultTimeout}
			err = provider.Deliver(t.Context(), through(elsewhere{sink.URL()}), settings, message())
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) || provider.IsFinal(err) != tc.final {
				t.Errorf("%s: %v", tc.why, err)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: the answer is shown: %v", tc.why, err)
			}
		})
	}
}

// message is about an error: two lines and a field.
func message() render.Message {
	return render.Of("message-id", eventv1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: "Kustomization", Name: "app", Namespace: "team"},
		Severity:       eventv1.SeverityError, Message: "it <broke>\nbadly", Reason: "BuildFailed",
		Metadata: map[string]string{"revision": "main@sha1:1"}, ReportingController: "kustomize-controller",
	})
}
