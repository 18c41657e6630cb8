package conformance

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

// webSide is the far side of services that speak HTTP.
type webSide struct{ sink *webhooksink.Sink }

// Address is a URL whose path is a credential.
func (w webSide) Address() string { return w.sink.URL() + path }

// Script queues faults.
func (w webSide) Script(treatments ...Treatment) {
	faults := map[Treatment]webhooksink.Fault{
		Take:          {},
		RefuseForNow:  {Status: http.StatusServiceUnavailable},
		RefuseForGood: {Status: http.StatusForbidden, EchoRequest: true},
		AskForPause:   {Status: http.StatusTooManyRequests, RetryAfter: strconv.Itoa(int(PauseAsked / time.Second))},
		Break:         {Reset: true},
		Hang:          {Hang: true},
	}
	for _, treatment := range treatments {
		w.sink.Script(faults[treatment])
	}
}

// Received returns the requests so far.
func (w webSide) Received() []Received {
	var out []Received
	for _, r := range w.sink.Received() {
		out = append(out, Received{ID: r.Header.Get(provider.HeaderID), Body: string(r.Body), Header: r.Header})
	}
	return out
}

// Stop stops the server.
func (w webSide) Stop() { w.sink.Stop() }

func (s Subject) sink(t *testing.T, o webhooksink.Options) *webhooksink.Sink {
	t.Helper()
	sink, err := webhooksink.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Stop)
	return sink
}

// httpAddress: what is no URL is found before anything is sent, and not quoted.
func (s Subject) httpAddress(t *testing.T) {
	for name, address := range map[string]string{"None": "", "NotURL": "canary\x7f", "Scheme": "file://canary/x"} {
		t.Run(name, func(t *testing.T) {
			err := s.to(t, address).send(t)
			if err == nil || !provider.IsFinal(err) || !strings.HasPrefix(err.Error(), "preparing Provider subject: reading the address: ") {
				t.Errorf("address %q: %v", address, err)
			}
		})
	}
}

// noHTTPAddress: the far side has an address that no web service could have.
func (s Subject) noHTTPAddress(t *testing.T) {
	x := s.to(t, s.far(t).Address())
	if provider.CheckHTTPAddress(x.settings) == nil {
		t.Errorf("%s is the address of a web service", x.settings.Address)
	}
	if err := x.send(t); err != nil {
		t.Error(err)
	}
}

func (s Subject) httpStatuses(t *testing.T) {
	cases := map[string]struct {
		why          string
		fault        webhooksink.Fault
		fails, final bool
		pause        time.Duration
		text         string
	}{
		"OK":          {"success", webhooksink.Fault{}, false, false, 0, ""},
		"NoContent":   {"any 2xx is success", webhooksink.Fault{Status: 204}, false, false, 0, ""},
		"Endless":     {"an answer without end does not undo success", webhooksink.Fault{Filler: -1}, false, false, 0, ""},
		"TooMany":     {"the pause the service asks for", webhooksink.Fault{Status: 429, RetryAfter: "17"}, true, false, 17 * time.Second, "429"},
		"ServerError": {"may pass", webhooksink.Fault{Status: 500}, true, false, 0, "500"},
		"Unavailable": {"with a pause", webhooksink.Fault{Status: 503, RetryAfter: "3"}, true, false, 3 * time.Second, "503"},
		"NotFound":    {"does not pass", webhooksink.Fault{Status: 404, RetryAfter: "3"}, true, true, 0, "404"},
		"Forbidden":   {"nor does this", webhooksink.Fault{Status: 403}, true, true, 0, "403"},
		"HugeError":   {"the body of an error is not read", webhooksink.Fault{Status: 500, Filler: -1}, true, false, 0, "500"},
		"Echo":        {"nor shown", webhooksink.Fault{Status: 400, EchoRequest: true}, true, true, 0, "400"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sink := s.sink(t, s.Sink)
			sink.Script(tc.fault)
			err := s.to(t, sink.URL()+path).send(t)
			if (err != nil) != tc.fails || provider.IsFinal(err) != tc.final || provider.PauseOf(err) != tc.pause {
				t.Errorf("%s: error %v, final %t, pause %s", tc.why, err, provider.IsFinal(err), provider.PauseOf(err))
			}
			if err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s: %v does not say %s", tc.why, err, tc.text)
			}
			got := sink.Received()
			if len(got) != 1 || got[0].Header.Get(provider.HeaderID) != "message-id" || !json.Valid(got[0].Body) {
				t.Errorf("%s: %d requests: %+v", tc.why, len(got), got)
			}
		})
	}
}

// httpRedirects: a message follows a redirect, its credentials stay behind.
func (s Subject) httpRedirects(t *testing.T) {
	sink, other := s.sink(t, s.Sink), s.sink(t, s.Sink)
	sink.Script(webhooksink.Fault{Redirect: other.URL() + "/elsewhere"})
	if err := s.to(t, sink.URL()+path).send(t); err != nil {
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
	if err := s.to(t, sink.URL()+path).send(t); err == nil || len(other.Received()) != 1 {
		t.Errorf("a redirect that loses the message was taken for success: %v", err)
	}
}

func (s Subject) secureSink(t *testing.T) (*webhooksink.Sink, change) {
	t.Helper()
	o := s.Sink
	o.TLS = true
	sink := s.sink(t, o)
	return sink, func(_ *notificationv1.Provider, secrets *provider.Secrets) {
		secrets.Cert = map[string][]byte{"ca.crt": sink.CA()}
	}
}

func (s Subject) tls(t *testing.T) {
	sink, trusting := s.secureSink(t)
	if err := s.to(t, sink.URL()+path).send(t); err == nil || provider.IsFinal(err) {
		t.Errorf("an unknown authority: %v", err)
	}
	if err := s.to(t, sink.URL()+path, trusting).send(t); err != nil {
		t.Errorf("the authority of the Secret: %v", err)
	}
}

// noTLS: the authority changes nothing. Over HTTP the far side stays unknown.
func (s Subject) noTLS(t *testing.T) {
	sink, trusting := s.secureSink(t)
	address := sink.URL() + path
	if s.lacks(HTTP) {
		address = s.far(t).Address()
	}
	if err := s.to(t, address, trusting).send(t); (err == nil) != s.lacks(HTTP) {
		t.Errorf("the authority of the Secret is used: %v", err)
	}
}

func (s Subject) proxy(t *testing.T) {
	proxy := s.sink(t, s.Sink)
	x := s.to(t, "http://service.invalid"+path, func(_ *notificationv1.Provider, secrets *provider.Secrets) {
		secrets.Proxy = map[string][]byte{"address": []byte(proxy.URL()), "username": []byte("u"), "password": []byte("canary")}
	})
	if err := x.send(t); err != nil {
		t.Fatal(err)
	}
	got := proxy.Received()
	if len(got) != 1 || got[0].Host != "service.invalid" || got[0].Header.Get("Proxy-Authorization") == "" {
		t.Errorf("the proxy was not used: %+v", got)
	}
	proxy.Stop()
	if err := x.send(t); err == nil || provider.IsFinal(err) {
		t.Errorf("a proxy that is down: %v", err)
	}
}

// noProxy: the message takes the direct way, although the proxy is dead.
func (s Subject) noProxy(t *testing.T) {
	proxy := s.sink(t, webhooksink.Options{})
	proxy.Stop()
	far := s.far(t)
	x := s.to(t, far.Address(), func(_ *notificationv1.Provider, secrets *provider.Secrets) {
		secrets.Proxy = map[string][]byte{"address": []byte(proxy.URL())}
	})
	if err := x.send(t); err != nil || len(far.Received()) != 1 {
		t.Errorf("the proxy was used: %v", err)
	}
}
