package kubeconfig_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

func tlsOf(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// TestTLS guards against connections to the wrong server: every server that cannot be trusted is refused, with the cause.
func TestTLS(t *testing.T) {
	ca, stranger := newAuthority(t, newKey(t)), newAuthority(t, newKey(t))
	past := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	future := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	elsewhere := func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"other.example.com"}, nil }
	nowhere := func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }
	clientOnly := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	old := tlsOf(ca.sign(t, nil))
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	weak := weakAuthority(t)
	cases := map[string]struct {
		why    string
		config *tls.Config
		ca     []byte
		says   string
	}{
		"Good":      {"so that the rest means something", tlsOf(ca.sign(t, nil)), ca.pem(), ""},
		"Expired":   {"it ended", tlsOf(ca.sign(t, past)), ca.pem(), "expired at 2"},
		"NotYet":    {"it has not begun", tlsOf(ca.sign(t, future)), ca.pem(), "not valid before 2"},
		"WrongHost": {"it is for another", tlsOf(ca.sign(t, elsewhere)), ca.pem(), "for other.example.com and not for 127.0.0.1"},
		"NoHost":    {"it is for nobody", tlsOf(ca.sign(t, nowhere)), ca.pem(), "names no host"},
		"WrongUse":  {"it is not for servers", tlsOf(ca.sign(t, clientOnly)), ca.pem(), "not valid"},
		"UnknownCA": {"it is signed by a stranger", tlsOf(stranger.sign(t, nil)), ca.pem(), "authority that is not trusted"},
		"SystemCAs": {"no authority is given, and the system does not know it", tlsOf(ca.sign(t, nil)), nil, "authority that is not trusted"},
		"WeakRSA":   {"anybody could have signed it", tlsOf(weak.sign(t, nil)), weak.pem(), "too short"},
		"TLS10":     {"it is too old", old, ca.pem(), "no TLS newer than 1.1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := serve(t, tc.config, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
			answer, err := get(t, reach(t, server.URL, tc.ca, kubeconfig.Options{}), "/")
			if tc.says == "" {
				if err != nil || answer != "ok" {
					t.Errorf("%s: got %q, %v", tc.why, answer, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "connecting to "+server.URL) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: got %q, %v, want %q", tc.why, answer, err, tc.says)
			}
		})
	}
	t.Run("ClientUnknown", func(t *testing.T) {
		// With TLS 1.3 the refusal may come after the request was sent, or never be read.
		mutual := tlsOf(ca.sign(t, nil))
		mutual.ClientAuth, mutual.ClientCAs, mutual.MaxVersion = tls.RequireAndVerifyClientCert, x509.NewCertPool(), tls.VersionTLS12
		server := serve(t, mutual, func(http.ResponseWriter, *http.Request) {})
		cert := stranger.sign(t, nil)
		key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		_, err = get(t, parse(t, config(func(_ *api.Config, c *api.Cluster, u *api.AuthInfo) {
			c.Server, c.CertificateAuthorityData = server.URL, ca.pem()
			u.ClientCertificateData, u.ClientKeyData = pemOf("CERTIFICATE", cert.Certificate[0]), pemOf("PRIVATE KEY", key)
		}), kubeconfig.Options{}), "/")
		if err == nil || !strings.Contains(err.Error(), "does not accept the client certificate") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("NoTLS", func(t *testing.T) {
		plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		defer plain.Close()
		_, err := get(t, reach(t, strings.Replace(plain.URL, "http:", "https:", 1), ca.pem(), kubeconfig.Options{}), "/")
		if err == nil || !strings.Contains(err.Error(), "does not speak TLS") {
			t.Errorf("got %v", err)
		}
	})
}

// weakAuthority has an RSA key that nobody should use, which Go makes only on
// request.
func weakAuthority(t *testing.T) authority {
	t.Helper()
	before := os.Getenv("GODEBUG")
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	weak := newAuthority(t, key)
	leaf := weak.sign(t, nil)
	t.Setenv("GODEBUG", before)
	return authority{cert: weak.cert, key: key, leaf: &leaf}
}

// TestRotatedCA is a change of the authority: the new one in the Secret is a
// new target, without a restart.
func TestRotatedCA(t *testing.T) {
	before, after := newAuthority(t, newKey(t)), newAuthority(t, newKey(t))
	server := serve(t, tlsOf(after.sign(t, nil)), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	old, renewed := reach(t, server.URL, before.pem(), kubeconfig.Options{}), reach(t, server.URL, after.pem(), kubeconfig.Options{})
	if _, err := get(t, old, "/"); err == nil {
		t.Error("the old authority still counts")
	}
	if answer, err := get(t, renewed, "/"); err != nil || answer != "ok" {
		t.Errorf("the new authority does not count: %q, %v", answer, err)
	}
	key := []byte("key")
	if old.Digest(key) == renewed.Digest(key) {
		t.Error("the two have one digest, so the old one would be used on")
	}
}

func TestDigest(t *testing.T) {
	ca := newAuthority(t, newKey(t))
	cert := ca.sign(t, nil)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(*api.Config, *api.Cluster, *api.AuthInfo){
		"Nothing":    nil,
		"Server":     func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) { c.Server = "https://other.example.com" },
		"CA":         func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) { c.CertificateAuthorityData = ca.pem() },
		"ServerName": func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) { c.TLSServerName = "kubernetes" },
		"Proxy":      func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) { c.ProxyURL = "http://proxy.example.com" },
		"Token":      func(_ *api.Config, _ *api.Cluster, u *api.AuthInfo) { u.Token = "other" },
		"Basic":      func(_ *api.Config, _ *api.Cluster, u *api.AuthInfo) { *u = api.AuthInfo{Username: "ab", Password: "c"} },
		"BasicMoved": func(_ *api.Config, _ *api.Cluster, u *api.AuthInfo) { *u = api.AuthInfo{Username: "a", Password: "bc"} },
		"Certificate": func(_ *api.Config, _ *api.Cluster, u *api.AuthInfo) {
			u.ClientCertificateData, u.ClientKeyData = pemOf("CERTIFICATE", cert.Certificate[0]), pemOf("PRIVATE KEY", key)
		},
	}
	seen := map[string]string{}
	for name, change := range changes {
		digest := parse(t, config(change), kubeconfig.Options{}).Digest([]byte("key"))
		if other, found := seen[digest]; found {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[digest] = name
		if again := parse(t, config(change), kubeconfig.Options{}).Digest([]byte("key")); again != digest {
			t.Errorf("%s has two digests", name)
		}
	}
	renamed := config(func(c *api.Config, _ *api.Cluster, _ *api.AuthInfo) {
		c.Contexts["renamed"], c.CurrentContext = c.Contexts["main"], "renamed"
	})
	if name := seen[parse(t, renamed, kubeconfig.Options{}).Digest([]byte("key"))]; name != "Nothing" {
		t.Error("names are no facts of a connection")
	}
	if _, found := seen[parse(t, config(nil), kubeconfig.Options{}).Digest([]byte("other"))]; found {
		t.Error("the digest does not depend on its key")
	}
}

func TestNothingPrintsIt(t *testing.T) {
	target := parse(t, config(nil), kubeconfig.Options{})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{target, []any{target}, struct{ T *kubeconfig.Endpoint }{target}} {
			if out := fmt.Sprintf(verb, value); strings.Contains(out, "canary") || strings.Contains(out, fmt.Sprintf("%x", "canary")) {
				t.Errorf("verb %s shows the token: %s", verb, out)
			}
		}
	}
	if out, err := json.Marshal(target); err != nil || strings.Contains(string(out), "canary") {
		t.Errorf("JSON: %s, %v", out, err)
	}
}

// TestGuard shows that what is dialled is judged, not what it is called.
func TestGuard(t *testing.T) {
	ca := newAuthority(t, newKey(t))
	server := serve(t, tlsOf(ca.sign(t, nil)), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	named := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	strict := kubeconfig.Options{Guard: egress.Guard{Strict: true}}
	_, err := get(t, reach(t, named, ca.pem(), strict), "/")
	var denied *egress.DeniedError
	if !errors.As(err, &denied) {
		t.Errorf("the name leads where the address may not: %v", err)
	}
	if answer, err := get(t, reach(t, named, ca.pem(), kubeconfig.Options{}), "/"); err != nil || answer != "ok" {
		t.Errorf("the zero guard allows loopback: %q, %v", answer, err)
	}
	if _, err := kubeconfig.Parse(text(t, config(func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) { c.Server = server.URL })), strict); err == nil {
		t.Error("a literal address is refused when it is read")
	}
}

// TestProxy goes through a proxy, which an exception of the guard allows here.
func TestProxy(t *testing.T) {
	ca := newAuthority(t, newKey(t))
	server := serve(t, tlsOf(ca.sign(t, nil)), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	var asked, shown string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, shown = r.Host, r.Header.Get("Proxy-Authorization")
		if shown == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		tunnel(w, r.Host)
	}))
	defer proxy.Close()
	allowed := kubeconfig.Options{Guard: egress.Guard{Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	through := func(info *url.Userinfo) *kubeconfig.Endpoint {
		u, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		u.User = info
		return parse(t, config(func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) {
			c.Server, c.CertificateAuthorityData, c.ProxyURL = server.URL, ca.pem(), u.String()
		}), allowed)
	}
	answer, err := get(t, through(url.UserPassword("u", "canary")), "/")
	if err != nil || answer != "ok" || "https://"+asked != server.URL || shown == "" {
		t.Errorf("got %q, %v; the proxy was asked for %q", answer, err, asked)
	}
	if _, err := get(t, through(nil), "/"); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("the proxy refuses, got %v", err)
	}
	proxy.Close()
	if _, err := get(t, through(url.UserPassword("u", "canary")), "/"); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("the proxy is gone, got %v", err)
	}
}

// tunnel carries bytes both ways.
func tunnel(w http.ResponseWriter, host string) {
	far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	near, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		far.Close()
		return
	}
	fmt.Fprint(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(far, near)
		far.Close()
	}()
	_, _ = io.Copy(near, far)
	near.Close()
}

// TestTimeout shows that a request ends in time and a watch goes on.
func TestTimeout(t *testing.T) {
	ca := newAuthority(t, newKey(t))
	change, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	server := serve(t, tlsOf(ca.sign(t, nil)), func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/slow":
			select {
			case <-end:
			case <-r.Context().Done():
			}
		case r.URL.Path == "/half":
			fmt.Fprint(w, "ha")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			w.(http.Flusher).Flush()
			<-change
			fmt.Fprint(w, "changed")
		}
	})
	target := reach(t, server.URL, ca.pem(), kubeconfig.Options{Timeout: 100 * time.Millisecond})
	client, err := rest.HTTPClientFor(target.Config())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/pods?watch=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Body.Close()
	for _, path := range []string{"/slow", "/slow?watch=1", "/half"} {
		_, err := get(t, target, path)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 100ms") {
			t.Errorf("%s: got %v", path, err)
		}
	}
	close(change)
	if content, err := io.ReadAll(watch.Body); err != nil || string(content) != "changed" {
		t.Errorf("the watch ended with %q, %v", content, err)
	}
}

// TestRedirect shows that a server cannot send the token somewhere else.
func TestRedirect(t *testing.T) {
	ca := newAuthority(t, newKey(t))
	asked := false
	other := serve(t, tlsOf(ca.sign(t, nil)), func(http.ResponseWriter, *http.Request) { asked = true })
	server := serve(t, tlsOf(ca.sign(t, nil)), func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusFound)
	})
	_, err := get(t, reach(t, server.URL, ca.pem(), kubeconfig.Options{}), "/")
	if err == nil || asked || strings.Contains(err.Error(), "canary") {
		t.Errorf("redirected: %t, %v", asked, err)
	}
}

// tokens is a source that knows the tokens in order.
type tokens struct {
	known   []string
	refused []string
	err     error
}

func (s *tokens) Token(_ context.Context, refused string) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	if refused != "" {
		s.refused = append(s.refused, refused)
		if len(s.known) > 1 {
			s.known = s.known[1:]
		}
	}
	return s.known[0], nil
}

// TestTokens is an expired token from the request's side: one that the server takes no
// more is replaced, and the request sent again, body and all.
func TestTokens(t *testing.T) {
	ca := newAuthority(t, newKey(t))
	server := serve(t, tlsOf(ca.sign(t, nil)), func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.Copy(w, r.Body)
	})
	post := func(source *tokens, body io.Reader) (int, string, error) {
		t.Helper()
		target, err := kubeconfig.Connect(kubeconfig.Connection{Server: server.URL, CA: ca.pem(), Tokens: source}, kubeconfig.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer target.Close()
		client, err := rest.HTTPClientFor(target.Config())
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		content, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(content), err
	}
	source := &tokens{known: []string{"stale", "good"}}
	if code, body, err := post(source, strings.NewReader("content")); code != http.StatusOK || body != "content" || err != nil {
		t.Errorf("a stale token: %d %q %v", code, body, err)
	}
	if code, _, err := post(&tokens{known: []string{"bad"}}, strings.NewReader("content")); code != http.StatusUnauthorized || err != nil {
		t.Errorf("no better token: %d %v, want what the server said", code, err)
	}
	unrepeatable := &tokens{known: []string{"stale", "good"}}
	if code, _, err := post(unrepeatable, io.NopCloser(strings.NewReader("content"))); code != http.StatusUnauthorized || err != nil || len(unrepeatable.refused) > 0 {
		t.Errorf("a body that is gone cannot be sent again: %d %v", code, err)
	}
	broken := errors.New("no token today")
	if _, _, err := post(&tokens{err: broken}, nil); !errors.Is(err, broken) {
		t.Errorf("the source's error is lost: %v", err)
	}
}

func TestConnectRefuses(t *testing.T) {
	good := &tokens{known: []string{"t"}}
	cases := map[string]kubeconfig.Connection{
		"NoServer": {Tokens: good},
		"Path":     {Server: "https://api.example.com/k8s", Tokens: good},
		"HTTP":     {Server: "http://api.example.com", Tokens: good},
		"Metadata": {Server: "169.254.169.254", Tokens: good},
		"NoTokens": {Server: "api.example.com"},
		"BadCA":    {Server: "api.example.com", CA: []byte("canary"), Tokens: good},
	}
	for name, c := range cases {
		if target, err := kubeconfig.Connect(c, kubeconfig.Options{}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v, %v", name, target, err)
		}
	}
	target, err := kubeconfig.Connect(kubeconfig.Connection{Server: "API.example.com", Tokens: good}, kubeconfig.Options{})
	if err != nil || target.Host() != "https://api.example.com:443" {
		t.Errorf("defaults: got %v, %v", target, err)
	}
}
