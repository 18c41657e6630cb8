package webhooksink_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

const message = `{"channel":"ops","username":"kustomize-controller","attachments":[{"color":"danger",` +
	`"author_name":"kustomization/app.ns","text":"it broke","fields":[{"title":"revision","value":"main@sha1:abc"}]}]}`

func start(t *testing.T, o webhooksink.Options) *webhooksink.Sink {
	t.Helper()
	sink, err := webhooksink.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Stop)
	return sink
}

func post(ctx context.Context, t *testing.T, url, body string, header http.Header) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(answer), err
}

func TestSlackAnswers(t *testing.T) {
	bearer := http.Header{"Authorization": {"Bearer t"}}
	cases := map[string]struct {
		why, path, body string
		header          http.Header
		status          int
		answer          string
		accepted        bool
	}{
		"Webhook":    {"an incoming webhook says ok", "/services/T/B/x", message, nil, 200, "ok", true},
		"NotJSON":    {"and refuses what it cannot read", "/services/T/B/x", "{", nil, 400, "invalid_payload", false},
		"NoText":     {"and what has no text", "/services/T/B/x", "{}", nil, 400, "no_text", false},
		"API":        {"the API says it in the body", webhooksink.APIPath, message, bearer, 200, `{"ok":true}`, true},
		"APINoToken": {"also that a token is missing", webhooksink.APIPath, message, nil, 200, `{"ok":false,"error":"not_authed"}`, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sink := start(t, webhooksink.Options{Slack: true})
			status, answer, err := post(t.Context(), t, sink.URL()+tc.path, tc.body, tc.header)
			if err != nil || status != tc.status || answer != tc.answer {
				t.Errorf("%s: got %d %q (%v), want %d %q", tc.why, status, answer, err, tc.status, tc.answer)
			}
			if got := len(sink.Accepted()) == 1; got != tc.accepted {
				t.Errorf("%s: accepted %t, want %t", tc.why, got, tc.accepted)
			}
		})
	}
}

func TestScript(t *testing.T) {
	sink := start(t, webhooksink.Options{})
	sink.Script(
		webhooksink.Fault{Status: 429, RetryAfter: "7"}, webhooksink.Fault{Reset: true},
		webhooksink.Fault{Redirect: "http://127.0.0.1:1/"}, webhooksink.Fault{Status: 500, EchoRequest: true},
		webhooksink.Fault{Status: 500, Body: "slow", Trickle: time.Millisecond}, webhooksink.Fault{Filler: 100_000},
	)
	steps := []struct {
		why    string
		status int
		body   string
		size   int
		reset  bool
	}{
		{why: "a status of the script", status: 429},
		{why: "a reset is a reset", reset: true},
		{why: "a redirect keeps the method", status: 307},
		{why: "an echo holds the request", status: 500, body: "canary"},
		{why: "a slow body arrives", status: 500, body: "slow"},
		{why: "a filler has its size", status: 200, size: 100_000},
		{why: "after the script all is well", status: 200},
	}
	for _, step := range steps {
		status, body, err := post(t.Context(), t, sink.URL(), "canary", nil)
		if errors.Is(err, syscall.ECONNRESET) != step.reset || (err != nil && !step.reset) {
			t.Fatalf("%s: error %v", step.why, err)
		}
		if status != step.status || !strings.Contains(body, step.body) || (step.size > 0 && len(body) != step.size) {
			t.Errorf("%s: got %d and %d bytes", step.why, status, len(body))
		}
	}
	if got := len(sink.Accepted()); got != 2 {
		t.Errorf("%d requests accepted, want 2", got)
	}
}

func TestHangAndStop(t *testing.T) {
	sink := start(t, webhooksink.Options{TLS: true})
	if !strings.HasPrefix(sink.URL(), "https://") || len(sink.CA()) == 0 {
		t.Errorf("no TLS at %s", sink.URL())
	}
	plain := start(t, webhooksink.Options{})
	plain.Script(webhooksink.Fault{Hang: true})
	done := make(chan error, 1)
	go func() {
		_, _, err := post(t.Context(), t, plain.URL(), "x", nil)
		done <- err
	}()
	if _, err := plain.WaitFor(t.Context(), func(r []webhooksink.Request) bool { return len(r) == 1 }); err != nil {
		t.Fatal(err)
	}
	plain.Stop()
	if err := <-done; err == nil {
		t.Error("a hanging request was answered")
	}
	if _, err := plain.WaitFor(t.Context(), func([]webhooksink.Request) bool { return false }); err == nil {
		t.Error("waiting at a stopped sink did not end")
	}
}

func TestMessage(t *testing.T) {
	sink := start(t, webhooksink.Options{Slack: true})
	if _, _, err := post(t.Context(), t, sink.URL(), message, nil); err != nil {
		t.Fatal(err)
	}
	got, err := sink.Received()[0].Message()
	if err != nil || got.Author != "kustomization/app.ns" || got.Fields["revision"] != "main@sha1:abc" || got.Color != "danger" {
		t.Errorf("decoded %+v (%v)", got, err)
	}
}
