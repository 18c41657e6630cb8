package conformance_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/generic"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/slack"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

const (
	canary = "canary-token/+=&%"
	path   = "/services/canary-path"
)

// suite is what differs between types.
type suite struct {
	// kind is spec.type.
	kind string
	// send is the function under test.
	send func(ctx context.Context, p *provider.Poster, m render.Message) error
	// slack makes the far side judge messages as Slack does.
	slack bool
}

func TestConformance(t *testing.T) {
	for _, s := range []suite{
		{kind: notificationv1beta3.SlackProvider, send: slack.Send, slack: true},
		{kind: notificationv1beta3.GenericProvider, send: generic.Send},
		{kind: notificationv1beta3.GenericHMACProvider, send: generic.Send},
	} {
		t.Run(s.kind, func(t *testing.T) {
			t.Run("Answers", s.answers)
			t.Run("Recovers", s.recovers)
			t.Run("TLS", s.tls)
			t.Run("Proxy", s.proxy)
			t.Run("Redirects", s.redirects)
			t.Run("Guard", s.guard)
			t.Run("Pool", s.pool)
		})
	}
}

// message is the message the suite sends.
func message() render.Message {
	return render.Of("message-id", eventv1.Event{
		InvolvedObject: corev1.ObjectReference{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Name: "app", Namespace: "team"},
		Severity:       eventv1.SeverityError, Message: "it <broke>\nbadly", Reason: "BuildFailed",
		Metadata: map[string]string{"revision": "main@sha1:1"}, ReportingController: "kustomize-controller",
	})
}

// provider returns a Provider of the suite's type and its Secrets.
func (s suite) provider(address string) (*notificationv1beta3.Provider, provider.Secrets) {
	p := &notificationv1beta3.Provider{}
	p.Spec.Type, p.Spec.Address, p.Spec.Channel, p.Spec.Timeout = s.kind, address, "ops", meta.NewDuration(5*time.Second)
	return p, provider.Secrets{Main: map[string][]byte{"token": []byte(canary)}}
}

func (s suite) poster(t *testing.T, address string, change ...func(*notificationv1beta3.Provider, *provider.Secrets)) *provider.Poster {
	t.Helper()
	p, secrets := s.provider(address)
	for _, c := range change {
		c(p, &secrets)
	}
	settings, err := provider.NewSettings(p, secrets)
	if err != nil {
		t.Fatal(err)
	}
	client, err := provider.NewClient(settings, egress.Guard{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return &provider.Poster{Settings: settings, Client: client, Clock: clock.RealClock{}}
}

func (s suite) sink(t *testing.T, o webhooksink.Options) *webhooksink.Sink {
	t.Helper()
	o.Slack = s.slack
	sink, err := webhooksink.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Stop)
	return sink
}

// hidden fails if an error shows a secret in any form.
func hidden(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, form := range []string{
			canary, "canary", url.QueryEscape(canary), base64.StdEncoding.EncodeToString([]byte(canary)), "xxxx",
		} {
			if strings.Contains(e.Error(), form) {
				t.Errorf("the error shows a secret or the answer: %v", e)
			}
		}
	}
}

func (s suite) answers(t *testing.T) {
	cases := map[string]struct {
		why          string
		fault        webhooksink.Fault
		fails, final bool
		after        time.Duration
		text         string
	}{
		"OK":          {"success", webhooksink.Fault{}, false, false, 0, ""},
		"Created":     {"any 2xx is success", webhooksink.Fault{Status: 204}, false, false, 0, ""},
		"Endless":     {"an answer without end does not undo success", webhooksink.Fault{Filler: -1}, false, false, 0, ""},
		"TooMany":     {"the pause the service asks for", webhooksink.Fault{Status: 429, RetryAfter: "17"}, true, false, 17 * time.Second, "429"},
		"ServerError": {"may pass", webhooksink.Fault{Status: 500}, true, false, 0, "500"},
		"Unavailable": {"with a pause", webhooksink.Fault{Status: 503, RetryAfter: "3"}, true, false, 3 * time.Second, "503"},
		"NotFound":    {"does not pass", webhooksink.Fault{Status: 404, RetryAfter: "3"}, true, true, 0, "404"},
		"Forbidden":   {"nor does this", webhooksink.Fault{Status: 403}, true, true, 0, "403"},
		"Reset":       {"a broken connection may pass", webhooksink.Fault{Reset: true}, true, false, 0, ""},
		"HugeError":   {"the body of an error is not read", webhooksink.Fault{Status: 500, Filler: -1}, true, false, 0, "500"},
		"Echo":        {"nor shown", webhooksink.Fault{Status: 400, EchoRequest: true}, true, true, 0, "400"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sink := s.sink(t, webhooksink.Options{})
			sink.Script(tc.fault)
			err := s.send(t.Context(), s.poster(t, sink.URL()+path), message())
			verdict := provider.Verdict(err)
			if (err != nil) != tc.fails || (err != nil && (verdict.Final != tc.final || verdict.After != tc.after)) {
				t.Errorf("%s: error %v, final %t, after %s", tc.why, err, verdict.Final, verdict.After)
			}
			if err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s: %v does not say %s", tc.why, err, tc.text)
			}
			hidden(t, err)
			if got := sink.Received(); len(got) != 1 || got[0].Header.Get(provider.HeaderID) != "message-id" {
				t.Errorf("%s: %d requests", tc.why, len(got))
			}
		})
	}
	t.Run("Hang", func(t *testing.T) {
		sink := s.sink(t, webhooksink.Options{})
		sink.Script(webhooksink.Fault{Hang: true})
		p := s.poster(t, sink.URL()+path, func(p *notificationv1beta3.Provider, _ *provider.Secrets) { p.Spec.Timeout = "50ms" })
		err := s.send(t.Context(), p, message())
		if err == nil || !strings.Contains(err.Error(), "no answer within 50ms") || provider.Verdict(err).Final {
			t.Errorf("a service that hangs: %v", err)
		}
	})
	t.Run("Down", func(t *testing.T) {
		sink := s.sink(t, webhooksink.Options{})
		sink.Stop()
		err := s.send(t.Context(), s.poster(t, sink.URL()+path), message())
		if err == nil || provider.Verdict(err).Final {
			t.Errorf("a service that is down: %v", err)
		}
		hidden(t, err)
	})
}

// recovers: a service that fails and then works is sent the same message.
func (s suite) recovers(t *testing.T) {
	sink := s.sink(t, webhooksink.Options{})
	sink.Script(webhooksink.Fault{Status: 500})
	p := s.poster(t, sink.URL()+path)
	if err := s.send(t.Context(), p, message()); err == nil {
		t.Fatal("500 was taken for success")
	}
	if err := s.send(t.Context(), p, message()); err != nil {
		t.Fatal(err)
	}
	got := sink.Received()
	if len(got) != 2 || string(got[0].Body) != string(got[1].Body) || !json.Valid(got[1].Body) || len(sink.Accepted()) != 1 {
		t.Errorf("the second attempt is not the first: %d requests", len(got))
	}
}

func (s suite) tls(t *testing.T) {
	sink := s.sink(t, webhooksink.Options{TLS: true})
	if err := s.send(t.Context(), s.poster(t, sink.URL()+path), message()); err == nil || provider.Verdict(err).Final {
		t.Errorf("an unknown authority: %v", err)
	}
	trusting := s.poster(t, sink.URL()+path, func(_ *notificationv1beta3.Provider, secrets *provider.Secrets) {
		secrets.Cert = map[string][]byte{"ca.crt": sink.CA()}
	})
	if err := s.send(t.Context(), trusting, message()); err != nil {
		t.Errorf("the authority of the Secret: %v", err)
	}
}

func (s suite) proxy(t *testing.T) {
	proxy := s.sink(t, webhooksink.Options{})
	p := s.poster(t, "http://slack.invalid"+path, func(_ *notificationv1beta3.Provider, secrets *provider.Secrets) {
		secrets.Proxy = map[string][]byte{"address": []byte(proxy.URL()), "username": []byte("u"), "password": []byte("canary")}
	})
	if err := s.send(t.Context(), p, message()); err != nil {
		t.Fatal(err)
	}
	got := proxy.Received()
	if len(got) != 1 || got[0].Host != "slack.invalid" || got[0].Header.Get("Proxy-Authorization") == "" {
		t.Errorf("the proxy was not used: %+v", got)
	}
	proxy.Stop()
	hidden(t, s.send(t.Context(), p, message()))
}

func (s suite) redirects(t *testing.T) {
	sink, other := s.sink(t, webhooksink.Options{}), s.sink(t, webhooksink.Options{})
	sink.Script(webhooksink.Fault{Redirect: other.URL() + "/elsewhere"})
	if err := s.send(t.Context(), s.poster(t, sink.URL()+path), message()); err != nil {
		t.Fatal(err)
	}
	got := other.Received()
	if len(got) != 1 || len(got[0].Body) == 0 {
		t.Fatalf("the message did not follow: %d requests", len(got))
	}
	for _, name := range []string{"Authorization", "X-Signature", "Referer", "Cookie"} {
		if got[0].Header.Get(name) != "" {
			t.Errorf("%s went to another origin", name)
		}
	}
	sink.Script(webhooksink.Fault{Redirect: other.URL(), Status: http.StatusFound})
	err := s.send(t.Context(), s.poster(t, sink.URL()+path), message())
	if err == nil || len(other.Received()) != 1 {
		t.Errorf("a redirect that loses the message was taken for success: %v", err)
	}
	hidden(t, err)
}

// guard is F-68.
func (s suite) guard(t *testing.T) {
	err := s.send(t.Context(), s.poster(t, "http://169.254.169.254/latest/meta-data"), message())
	if err == nil || !strings.Contains(err.Error(), "is refused") {
		t.Errorf("the metadata service was dialled: %v", err)
	}
}

func (s suite) pool(t *testing.T) {
	sink := s.sink(t, webhooksink.Options{})
	p, secrets := s.provider(sink.URL() + path)
	pool := &provider.Pool{}
	settings, err := provider.NewSettings(p, secrets)
	if err != nil {
		t.Fatal(err)
	}
	first, err := pool.Client("key", settings)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := pool.Client("key", settings); err != nil || again != first {
		t.Errorf("a client of the same shape was made again (%v)", err)
	}
	settings.Proxy = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	if other, err := pool.Client("key", settings); err != nil || other == first {
		t.Errorf("a new proxy is not used (%v)", err)
	}
	pool.Forget("key")
	if again, err := pool.Client("key", settings); err != nil || again == nil {
		t.Errorf("after forgetting: %v", err)
	}
}
