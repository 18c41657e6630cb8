package egress_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

func TestGuard(t *testing.T) {
	cases := map[string]struct {
		why   string
		guard egress.Guard
		addr  string
		deny  bool
	}{
		"Public":           {"the internet is what it is for", egress.Guard{Strict: true}, "93.184.216.34", false},
		"Metadata":         {"the metadata service hands out credentials", egress.Guard{}, "169.254.169.254", true},
		"MetadataMapped":   {"IPv4 inside IPv6 is the same address", egress.Guard{}, "::ffff:169.254.169.254", true},
		"MetadataNAT64":    {"a gateway would dial it for us", egress.Guard{}, "64:ff9b::a9fe:a9fe", true},
		"MetadataIPv6":     {"AWS over IPv6 is not link-local", egress.Guard{}, "fd00:ec2::254", true},
		"MetadataAlibaba":  {"neither is Alibaba's", egress.Guard{}, "100.100.100.200", true},
		"LinkLocal6":       {"link-local over IPv6", egress.Guard{}, "fe80::1", true},
		"LinkLocalZone":    {"a zone does not hide it", egress.Guard{}, "fe80::1%lo", true},
		"Unspecified":      {"0.0.0.0 reaches loopback", egress.Guard{Strict: true}, "0.0.0.0", true},
		"LoopbackDefault":  {"local servers are allowed unless strict", egress.Guard{}, "127.0.0.1", false},
		"LoopbackStrict":   {"strict traffic stays out of the pod", egress.Guard{Strict: true}, "127.8.8.8", true},
		"PrivateStrict":    {"and out of the cluster", egress.Guard{Strict: true}, "10.1.2.3", true},
		"Denied":           {"configured ranges are denied", egress.Guard{Denied: prefixes("203.0.113.0/24")}, "203.0.113.9", true},
		"AllowedException": {"an exception to strict", egress.Guard{Strict: true, Allowed: prefixes("10.1.0.0/16")}, "10.1.2.3", false},
		"AllowedNever":     {"no exception to the metadata rule", egress.Guard{Allowed: prefixes("0.0.0.0/0")}, "169.254.169.254", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := tc.guard.Check(netip.MustParseAddr(tc.addr))
			var denied *egress.DeniedError
			if got := errors.As(err, &denied); got != tc.deny {
				t.Errorf("%s: denied %t, want %t (%v)", tc.why, got, tc.deny, err)
			}
		})
	}
}

func prefixes(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }

// TestDialledAddressIsChecked proves that the name is not what is judged: the
// server listens where "localhost" leads, and strict refuses it.
func TestDialledAddressIsChecked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	byName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for strict, want := range map[bool]bool{false: false, true: true} {
		_, err := get(t.Context(), t, egress.Options{Guard: egress.Guard{Strict: strict}}, byName, nil)
		var denied *egress.DeniedError
		if got := errors.As(err, &denied); got != want {
			t.Errorf("strict %t: denied %t, want %t (%v)", strict, got, want, err)
		}
	}
}

func TestProxyDoesNotReachMetadata(t *testing.T) {
	asked := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer proxy.Close()
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = get(t.Context(), t, egress.Options{Proxy: proxyURL}, "http://169.254.169.254/latest", nil)
	var denied *egress.DeniedError
	if !errors.As(err, &denied) || asked {
		t.Errorf("error %v, proxy asked %t: want a denial before the proxy is asked", err, asked)
	}
}

// get requests a URL with an optional set of headers and returns the body's
// status.
func get(ctx context.Context, t *testing.T, o egress.Options, target string, header http.Header) (int, error) {
	t.Helper()
	client, err := egress.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, egress.RedactError(err)
	}
	defer res.Body.Close()
	return res.StatusCode, nil
}

// TestRedirectCredentials guards against credentials that follow a redirect:
// another host, port or scheme never sees what was meant for the first.
func TestRedirectCredentials(t *testing.T) {
	var seen http.Header
	second := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
	defer second.Close()
	mux := http.NewServeMux()
	first := httptest.NewServer(mux)
	defer first.Close()
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, first.URL+"/final", http.StatusFound)
	}))
	defer back.Close()
	redirect := func(path, to string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
	}
	redirect("/same", "/final")
	redirect("/other", second.URL)
	redirect("/userinfo", strings.Replace(second.URL, "http://", "http://u:p@", 1))
	redirect("/roundtrip", back.URL)
	mux.HandleFunc("/final", func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() })

	secret := http.Header{
		"Authorization": {"Bearer canary"}, "Private-Token": {"canary"}, "Cookie": {"s=canary"}, "User-Agent": {"capstan"},
	}
	cases := map[string]struct {
		why  string
		path string
		keep bool
	}{
		"SameOrigin": {"the origin may move its own pages", "/same", true},
		"OtherPort":  {"another port is another origin", "/other", false},
		"UserInfo":   {"a redirect must not invent credentials either", "/userinfo", false},
		"RoundTrip":  {"what left stays off", "/roundtrip", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			seen = nil
			if _, err := get(t.Context(), t, egress.Options{}, first.URL+tc.path, secret); err != nil {
				t.Fatal(err)
			}
			got := strings.Contains(fmt.Sprint(seen), "canary") || (seen.Get("Authorization") != "")
			if got != tc.keep {
				t.Errorf("%s: credentials arrived %t, want %t (%v)", tc.why, got, tc.keep, seen)
			}
			if seen.Get("User-Agent") != "capstan" {
				t.Errorf("harmless headers are lost: %v", seen)
			}
		})
	}
}

func TestRedirectLimits(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	plain := httptest.NewServer(mux)
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+"/?token=canary", http.StatusFound)
	}))
	defer secure.Close()
	cases := map[string]struct {
		why, url, want string
		options        egress.Options
	}{
		"Loop":      {"an endless chain ends", plain.URL + "/loop", "more than 5 redirects", egress.Options{}},
		"None":      {"redirects can be switched off", plain.URL + "/loop", "not followed", egress.Options{MaxRedirects: -1}},
		"File":      {"only http and https", plain.URL + "/file", "only http and https", egress.Options{}},
		"Downgrade": {"https is not left", secure.URL, "leaves https", egress.Options{CA: certificate(secure)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := get(t.Context(), t, tc.options, tc.url, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: error %v, want %q", tc.why, err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows the query: %v", err)
			}
		})
	}
}

func TestCertificateAuthority(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	if _, err := get(t.Context(), t, egress.Options{}, server.URL, nil); err == nil {
		t.Error("a server signed by nobody we know was trusted")
	}
	if _, err := get(t.Context(), t, egress.Options{CA: certificate(server)}, server.URL, nil); err != nil {
		t.Errorf("the added authority is not trusted: %v", err)
	}
	if _, err := egress.NewClient(egress.Options{CA: []byte("nonsense")}); err == nil {
		t.Error("a CA without a certificate was accepted")
	}
}
