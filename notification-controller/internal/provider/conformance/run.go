package conformance

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
)

// check is one case: run for a service that has what it needs, without for one
// that has declared that it lacks it.
type check struct {
	name         string
	needs        Capability
	run, without func(t *testing.T)
}

// Run holds a service to the contract of provider.Service.
func Run(t *testing.T, s Subject) {
	s.validate(t)
	for _, c := range []check{
		{name: "Taken", run: s.taken},
		{name: "Failures", run: s.failures},
		{name: "Hangs", run: s.hangs},
		{name: "Down", run: s.down},
		{name: "Recovers", run: s.recovers},
		{name: "Guard", run: s.guard},
		{name: "MessageID", needs: MessageID, run: s.messageID, without: s.noMessageID},
		{name: "Pause", needs: Pause, run: s.pause, without: s.noPause},
		{name: "Token", needs: Token, run: s.token, without: s.noToken},
		{name: "Headers", needs: Headers, run: s.headers, without: s.noHeaders},
		{name: "TLS", needs: TLS, run: s.tls, without: s.noTLS},
		{name: "Proxy", needs: Proxy, run: s.proxy, without: s.noProxy},
		{name: "HTTPAddress", needs: HTTP, run: s.httpAddress, without: s.noHTTPAddress},
		{name: "HTTPStatuses", needs: HTTP, run: s.httpStatuses},
		{name: "HTTPRedirects", needs: HTTP, run: s.httpRedirects},
	} {
		if why, lacks := s.Lacks[c.needs]; lacks {
			if c.without != nil {
				t.Run("Without"+c.name, func(t *testing.T) {
					t.Logf("declared as lacking: %s", why)
					c.without(t)
				})
			}
			continue
		}
		t.Run(c.name, c.run)
	}
}

// hidden fails if an error shows a secret in any form, or what the far side
// answered.
func hidden(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, form := range []string{
			canary, "canary", url.QueryEscape(canary), base64.StdEncoding.EncodeToString([]byte(canary)), "xxxx", "badly",
		} {
			if strings.Contains(e.Error(), form) {
				t.Errorf("the error shows a secret or the answer: %v", e)
			}
		}
	}
}

func (s Subject) taken(t *testing.T) {
	far := s.far(t)
	if err := s.to(t, far.Address()).send(t); err != nil {
		t.Fatal(err)
	}
	if got := far.Received(); len(got) != 1 || !strings.Contains(got[0].Body, "badly") {
		t.Errorf("arrived: %+v", got)
	}
}

func (s Subject) failures(t *testing.T) {
	cases := map[string]struct {
		why   string
		how   Treatment
		final bool
	}{
		"ForNow":  {"may pass", RefuseForNow, false},
		"ForGood": {"does not pass, and the answer is not shown", RefuseForGood, true},
		"Breaks":  {"a broken connection may pass", Break, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			far := s.far(t)
			far.Script(tc.how)
			err := s.to(t, far.Address()).send(t)
			if err == nil || provider.IsFinal(err) != tc.final || provider.PauseOf(err) != 0 {
				t.Errorf("%s: error %v, final %t, pause %s", tc.why, err, provider.IsFinal(err), provider.PauseOf(err))
			}
			if got := far.Received(); len(got) != 1 {
				t.Errorf("%s: one attempt arrived %d times", tc.why, len(got))
			}
		})
	}
}

// hangs: the timeout of the Provider ends an attempt, whatever the protocol.
func (s Subject) hangs(t *testing.T) {
	far := s.far(t)
	far.Script(Hang)
	err := s.to(t, far.Address(), func(p *notificationv1.Provider, _ *provider.Secrets) { p.Spec.Timeout = "50ms" }).send(t)
	if err == nil || provider.IsFinal(err) {
		t.Fatalf("a service that hangs: %v", err)
	}
	if want := "no answer within 50ms"; !s.lacks(HTTP) && !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not say %q", err, want)
	}
}

func (s Subject) down(t *testing.T) {
	far := s.far(t)
	far.Stop()
	if err := s.to(t, far.Address()).send(t); err == nil || provider.IsFinal(err) {
		t.Errorf("a service that is down: %v", err)
	}
}

// recovers: a service that fails, in any way that may pass, and then works is sent
// the same message.
func (s Subject) recovers(t *testing.T) {
	for name, how := range map[string]Treatment{"Refused": RefuseForNow, "Broken": Break} {
		t.Run(name, func(t *testing.T) {
			far := s.far(t)
			far.Script(how)
			x := s.to(t, far.Address())
			if err := x.send(t); err == nil {
				t.Fatal("a failure was taken for success")
			}
			if err := x.send(t); err != nil {
				t.Fatal(err)
			}
			if got := far.Received(); len(got) != 2 || got[0].Body != got[1].Body || got[0].ID != got[1].ID {
				t.Errorf("the second attempt is not the first: %+v", got)
			}
		})
	}
}

// guard: an address is chosen by whoever writes a Provider, and must not lead to
// the credentials of the node.
func (s Subject) guard(t *testing.T) {
	address := s.Metadata
	if address == "" {
		address = metadata
	}
	if err := s.to(t, address).send(t); err == nil || !strings.Contains(err.Error(), "is refused") {
		t.Errorf("the metadata service was dialled: %v", err)
	}
}

func (s Subject) messageID(t *testing.T) { s.identified(t, "message-id") }

func (s Subject) noMessageID(t *testing.T) { s.identified(t, "") }

func (s Subject) identified(t *testing.T, want string) {
	t.Helper()
	far := s.far(t)
	if err := s.to(t, far.Address()).send(t); err != nil {
		t.Fatal(err)
	}
	if got := far.Received(); len(got) != 1 || got[0].ID != want {
		t.Errorf("arrived: %+v, want the ID %q", got, want)
	}
}

func (s Subject) pause(t *testing.T) { s.pauses(t, PauseAsked) }

func (s Subject) noPause(t *testing.T) { s.pauses(t, 0) }

func (s Subject) pauses(t *testing.T, want time.Duration) {
	t.Helper()
	far := s.far(t)
	far.Script(AskForPause)
	err := s.to(t, far.Address()).send(t)
	if err == nil || provider.IsFinal(err) || provider.PauseOf(err) != want {
		t.Errorf("error %v, final %t, pause %s, want %s", err, provider.IsFinal(err), provider.PauseOf(err), want)
	}
}

// token: what is missing is found before anything is sent.
func (s Subject) token(t *testing.T) {
	far := s.far(t)
	err := s.to(t, far.Address(), withoutToken).send(t)
	if err == nil || !provider.IsFinal(err) || !strings.Contains(err.Error(), "token") || len(far.Received()) != 0 {
		t.Errorf("without a token: %v, %d messages", err, len(far.Received()))
	}
}

func (s Subject) noToken(t *testing.T) {
	if err := s.to(t, s.far(t).Address(), withoutToken).send(t); err != nil {
		t.Errorf("the service needs a token: %v", err)
	}
}

func withoutToken(_ *notificationv1.Provider, secrets *provider.Secrets) {
	delete(secrets.Main, "token")
}

func (s Subject) headers(t *testing.T) { s.headed(t, "one") }

func (s Subject) noHeaders(t *testing.T) { s.headed(t, "") }

func (s Subject) headed(t *testing.T, want string) {
	t.Helper()
	far := s.far(t)
	x := s.to(t, far.Address(), func(_ *notificationv1.Provider, secrets *provider.Secrets) {
		secrets.Main["headers"] = []byte("X-Tenant: one\n")
	})
	if err := x.send(t); err != nil {
		t.Fatal(err)
	}
	if got := far.Received(); len(got) != 1 || got[0].Header.Get("X-Tenant") != want {
		t.Errorf("arrived: %+v, want the header %q", got, want)
	}
}
