package provider

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
)

type data = map[string][]byte

func b(s string) []byte { return []byte(s) }

func TestSettings(t *testing.T) {
	cases := map[string]struct {
		why     string
		spec    notificationv1.ProviderSettings
		secrets Secrets
		check   func(*Settings) bool
	}{
		"Defaults": {"15 seconds", notificationv1.ProviderSettings{Address: "http://a"}, Secrets{}, func(s *Settings) bool {
			return s.Timeout == 15*time.Second && s.Address == "http://a" && s.Proxy == nil
		}},
		"SecretAddress": {"the Secret wins, trimmed", notificationv1.ProviderSettings{Address: "http://a"}, Secrets{Main: data{"address": b(" https://b\n")}},
			func(s *Settings) bool { return s.Address == "https://b" }},
		"BasicAuth": {"the pair of the Secret wins", notificationv1.ProviderSettings{Address: "http://a", Username: "u"}, Secrets{Main: data{"username": b("v"), "password": b("p")}},
			func(s *Settings) bool { return s.Username == "v" && s.Password == "p" }},
		"UsernameAlone": {"half a pair does not", notificationv1.ProviderSettings{Address: "http://a", Username: "u"}, Secrets{Main: data{"username": b("v")}},
			func(s *Settings) bool { return s.Username == "u" }},
		"Headers": {"a YAML map", notificationv1.ProviderSettings{Address: "http://a"}, Secrets{Main: data{"headers": b("X-A: one\nX-B: two\n")}},
			func(s *Settings) bool { return len(s.Headers) == 2 && s.Headers["X-B"] == "two" }},
		"ProxyOrder": {"the proxy Secret wins over both old ways", notificationv1.ProviderSettings{Address: "http://a"},
			Secrets{OldProxy: "http://p1", Main: data{"proxy": b("http://p2")}, Proxy: data{"address": b("http://p3"), "username": b("u"), "password": b("p")}},
			func(s *Settings) bool { return s.Proxy.Host == "p3" && s.Proxy.User.String() == "u:p" }},
		"ProxyOld": {"the Secret over the spec", notificationv1.ProviderSettings{Address: "http://a"}, Secrets{OldProxy: "http://p1", Main: data{"proxy": b("http://p2")}},
			func(s *Settings) bool { return s.Proxy.Host == "p2" }},
		"ProxyOldest": {"the spec of v1beta3, where the API server still hands it over", notificationv1.ProviderSettings{Address: "http://a"}, Secrets{OldProxy: "http://p1"},
			func(s *Settings) bool { return s.Proxy.Host == "p1" }},
		"Timeout": {"its own timeout", notificationv1.ProviderSettings{Address: "http://a", Timeout: "3s"}, Secrets{}, func(s *Settings) bool { return s.Timeout == 3*time.Second }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s, err := NewSettings(&notificationv1.Provider{Spec: notificationv1.ProviderSpec{ProviderSettings: tc.spec}}, tc.secrets)
			if err != nil || !tc.check(s) {
				t.Errorf("%s: %+v (%v)", tc.why, s, err)
			}
		})
	}
}

// TestBadSettings: addresses and Secrets may hold credentials, so what is wrong is
// said without quoting it.
func TestBadSettings(t *testing.T) {
	good := notificationv1.ProviderSettings{Address: "http://a"}
	cases := map[string]struct {
		why     string
		spec    notificationv1.ProviderSettings
		secrets Secrets
		want    string
	}{
		"LongAddress":   {"the contract's limit", good, Secrets{Main: data{"address": b("http://canary" + strings.Repeat("a", 2048))}}, "longer than 2048"},
		"ProxyNotURL":   {"an invalid proxy", good, Secrets{Proxy: data{"address": b("http://u:canary@[::1")}}, "proxy Secret"},
		"ProxyScheme":   {"of an odd kind", good, Secrets{Main: data{"proxy": b("ftp://u:canary@p")}}, "scheme"},
		"ProxyMissing":  {"an empty proxy Secret", good, Secrets{Proxy: data{}}, "missing"},
		"Headers":       {"headers that are no map", good, Secrets{Main: data{"headers": b("canary")}}, "headers"},
		"HeadersValues": {"nor of texts", good, Secrets{Main: data{"headers": b("X: {canary: 1}")}}, "headers"},
		"HalfPair":      {"a certificate without key", good, Secrets{Cert: data{"tls.crt": b("canary")}}, "belong together"},
		"BadPair":       {"not a pair", good, Secrets{Cert: data{"tls.crt": b("canary"), "tls.key": b("canary")}}, "not a pair"},
		"EmptyCert":     {"an empty Secret", good, Secrets{Cert: data{}}, "neither ca.crt"},
		"Timeout":       {"no duration", notificationv1.ProviderSettings{Address: "http://a", Timeout: "soon"}, Secrets{}, "timeout"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := &notificationv1.Provider{Spec: notificationv1.ProviderSpec{ProviderSettings: tc.spec}}
			p.Name = "team"
			_, err := NewSettings(p, tc.secrets)
			unusableFor(t, tc.why, err, tc.want)
		})
	}
}

func unusableFor(t *testing.T, why string, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "preparing Provider team: ") || !strings.Contains(err.Error(), want) ||
		strings.Contains(err.Error(), "canary") || !IsFinal(err) {
		t.Errorf("%s: %v", why, err)
	}
}

// TestAddressIsNotImposed: only services that want an HTTP address ask for one.
func TestAddressIsNotImposed(t *testing.T) {
	for _, address := range []string{"", "projects/one", "queue.example:4222"} {
		s, err := NewSettings(&notificationv1.Provider{Spec: notificationv1.ProviderSpec{ProviderSettings: notificationv1.ProviderSettings{Address: address}}}, Secrets{})
		if err != nil || s.Address != address {
			t.Errorf("address %q: %v", address, err)
		}
	}
}

func TestHTTPAddress(t *testing.T) {
	cases := map[string]struct{ why, address, want string }{
		"HTTP":   {"a URL", "http://a", ""},
		"HTTPS":  {"in any case", "HTTPS://a/b?c", ""},
		"None":   {"nowhere to send", "", "reading the address: neither spec.address nor the key address of the Secret is set"},
		"NotURL": {"no URL", "canary\x7f", "reading the address: it is not a URL"},
		"NoHost": {"a path", "/canary", "reading the address: it is not a URL"},
		"Scheme": {"a file", "file://canary/x", "reading the address: its scheme is not one of http, https"},
		"Long":   {"the contract's limit", "http://canary" + strings.Repeat("a", 2048), "reading the address: it is longer than 2048 bytes"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := CheckHTTPAddress(&Settings{Provider: types.NamespacedName{Name: "team"}, Address: tc.address})
			if tc.want == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.why, err)
				}
				return
			}
			unusableFor(t, tc.why, err, tc.want)
		})
	}
}

func TestRetryAfterHeader(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "12": 12 * time.Second, "-1": 0, "soon": 0, "99999999999999999999": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", value, got, want)
		}
	}
}
