package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
)

// faulty is a service that returns what a test case says.
type faulty struct {
	check, send error
	sent        int
	deadline    time.Duration
}

func (f *faulty) Check(*Settings) error { return f.check }

func (f *faulty) Send(ctx context.Context, _ *Settings, _ render.Message) error {
	f.sent++
	if at, ok := ctx.Deadline(); ok {
		f.deadline = time.Until(at)
	}
	return f.send
}

func TestDeliver(t *testing.T) {
	plain := errors.New("refused")
	cases := map[string]struct {
		why     string
		service faulty
		want    string
		final   bool
		pause   time.Duration
		sent    int
	}{
		"Taken":        {"no error is success", faulty{}, "", false, 0, 1},
		"Unclassified": {"an error that says nothing may pass", faulty{send: plain}, "refused", false, 0, 1},
		"Final":        {"no further attempt", faulty{send: Final(plain)}, "refused", true, 0, 1},
		"Pause":        {"what the far side asked for", faulty{send: RetryAfter(plain, time.Minute)}, "refused", false, time.Minute, 1},
		"Wrapped":      {"context keeps the class", faulty{send: fmt.Errorf("sending: %w", Final(plain))}, "sending: refused", true, 0, 1},
		"Unusable":     {"what Check finds is final, and nothing is sent", faulty{check: plain}, "refused", true, 0, 0},
		"UnusablePass": {"whatever made the error", faulty{check: RetryAfter(plain, time.Minute)}, "refused", true, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := Deliver(t.Context(), &tc.service, &Settings{Timeout: time.Hour}, render.Message{})
			if (err == nil) != (tc.want == "") || err != nil && err.Error() != tc.want {
				t.Errorf("%s: %v, want %q", tc.why, err, tc.want)
			}
			if IsFinal(err) != tc.final || PauseOf(err) != tc.pause || tc.service.sent != tc.sent {
				t.Errorf("%s: final %t, pause %s, %d attempts", tc.why, IsFinal(err), PauseOf(err), tc.service.sent)
			}
			if tc.sent > 0 && (tc.service.deadline <= 0 || tc.service.deadline > time.Hour) {
				t.Errorf("the time of an attempt is not bounded: %s", tc.service.deadline)
			}
		})
	}
}

// TestDeliverShowsNoSecret: a service that puts a secret into an error by mistake
// must not publish it in an event.
func TestDeliverShowsNoSecret(t *testing.T) {
	s := &Settings{
		Address: "https://hooks.example/services/T0/B0/s3cr3t", Token: "to/ken+1", Password: "hunter22", Timeout: time.Minute,
		Headers: map[string]string{"X-Key": "header-key"}, Proxy: &url.URL{Scheme: "http", Host: "p", User: url.UserPassword("u", "proxy-pass")},
	}
	leak := Final(errors.New("posting: " + strings.Join([]string{
		s.Address, s.Token, url.QueryEscape(s.Token), "dG8va2VuKzE=", s.Password, "header-key", s.Proxy.String(), "proxy-pass",
	}, " ")))
	for name, service := range map[string]*faulty{"Check": {check: leak}, "Send": {send: leak}} {
		t.Run(name, func(t *testing.T) {
			err := Deliver(t.Context(), service, s, render.Message{})
			for _, secret := range []string{"s3cr3t", "ken", "dG8va2VuKzE", "hunter22", "header-key", "proxy-pass"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q shows %q", err, secret)
				}
			}
			if !strings.Contains(err.Error(), "hooks.example") {
				t.Errorf("the host is gone, nobody can see where it went: %v", err)
			}
			if errors.Unwrap(err) != nil || !IsFinal(err) {
				t.Errorf("the cause can be unwrapped, or the class is lost: %v", err)
			}
		})
	}
}
