package credentials_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

const repository = "https://git.example.com/org/repo.git"

func TestForGit(t *testing.T) {
	cert, key := keyPair(t)
	cases := map[string]struct {
		why    string
		data   map[string]string
		url    string
		header string
		reason meta.Reason
		says   string
	}{
		"NoSecret":        {why: "public repositories need none", url: repository},
		"Basic":           {why: "the usual case", data: map[string]string{"username": "u", "password": "canary"}, url: repository, header: "Basic dTpjYW5hcnk="},
		"EmptyPassword":   {why: "some servers take a token as user and no password", data: map[string]string{"username": "tok", "password": ""}, url: repository, header: "Basic dG9rOg=="},
		"Bearer":          {why: "sent as it is", data: map[string]string{"bearerToken": "canary"}, url: repository, header: "Bearer canary"},
		"UserInfo":        {why: "the URL is the fallback", url: "https://u:canary@git.example.com/r", header: "Basic dTpjYW5hcnk="},
		"SecretWins":      {why: "over the URL", data: map[string]string{"bearerToken": "canary"}, url: "https://u:other@git.example.com/r", header: "Bearer canary"},
		"UserOnly":        {why: "half a credential is a mistake", data: map[string]string{"username": "u"}, url: repository, reason: meta.ReasonAuthenticationFailed, says: "malformed basic auth"},
		"PasswordOnly":    {why: "so is the other half", data: map[string]string{"password": "canary"}, url: repository, reason: meta.ReasonAuthenticationFailed, says: "malformed basic auth"},
		"BearerAndBasic":  {why: "nobody knows which is meant", data: map[string]string{"username": "u", "password": "canary", "bearerToken": "canary"}, url: repository, reason: meta.ReasonAuthenticationFailed, says: "exclude each other"},
		"BearerNewline":   {why: "a line break would forge headers", data: map[string]string{"bearerToken": "canary\n"}, url: repository, reason: meta.ReasonAuthenticationFailed, says: "line break"},
		"ColonInUser":     {why: "the server would split elsewhere", data: map[string]string{"username": "a:b", "password": "canary"}, url: repository, reason: meta.ReasonAuthenticationFailed, says: "colon"},
		"BadCA":           {why: "a CA without a certificate trusts nobody", data: map[string]string{"ca.crt": "canary"}, url: repository, reason: meta.ReasonAuthenticationFailed, says: "ca.crt"},
		"HalfTLS":         {why: "a certificate needs its key", data: map[string]string{"tls.crt": string(cert)}, url: repository, reason: meta.ReasonAuthenticationFailed, says: "together"},
		"BrokenTLS":       {why: "the key must fit", data: map[string]string{"tls.crt": string(cert), "tls.key": "canary"}, url: repository, reason: meta.ReasonAuthenticationFailed, says: "tls.key"},
		"MutualTLS":       {why: "a certificate alone is a credential", data: map[string]string{"tls.crt": string(cert), "tls.key": string(key)}, url: repository},
		"SSHKey":          {why: "not acted on, and said so", data: map[string]string{"identity": "canary", "known_hosts": "x"}, url: repository, reason: meta.ReasonFieldNotSupported, says: "SSH key"},
		"GitHubApp":       {why: "belongs to another provider", data: map[string]string{"githubAppID": "1", "githubAppPrivateKey": "canary"}, url: repository, reason: meta.ReasonInvalidProviderConfiguration, says: "GitHub App"},
		"UnparsableURL":   {why: "the URL may hold a secret", url: "https://u:canary@h/%zz", reason: meta.ReasonURLInvalid, says: "https://h/"},
		"UnrelatedSecret": {why: "other keys are none of ours", data: map[string]string{"foo": "bar"}, url: repository},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := credentials.ForGit(toBytes(tc.data), tc.url)
			if (err != nil) != (tc.reason != "") || err != nil && !fault.Is(err, tc.reason) {
				t.Fatalf("%s: error %v, want reason %q", tc.why, err, tc.reason)
			}
			if err != nil {
				if !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "canary") {
					t.Errorf("%s: error %q, want %q and no secret", tc.why, err, tc.says)
				}
				return
			}
			if header := authorization(t, got, tc.url); header != tc.header {
				t.Errorf("%s: header %q, want %q", tc.why, header, tc.header)
			}
		})
	}
}

func toBytes(in map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for k, v := range in {
		out[k] = []byte(v)
	}
	return out
}

func authorization(t *testing.T, g credentials.Git, target string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.Authorize(req)
	return req.Header.Get("Authorization")
}

// TestBoundToOrigin guards against credentials that follow to another server:
// scheme, host and port decide.
func TestBoundToOrigin(t *testing.T) {
	g, err := credentials.ForGit(toBytes(map[string]string{"bearerToken": "canary"}), repository)
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]bool{
		"https://git.example.com/other":       true,
		"https://git.example.com:443/other":   true,
		"https://GIT.example.com/other":       true,
		"https://git.example.com:8443/other":  false,
		"http://git.example.com/org/repo.git": false,
		"https://example.com/org/repo.git":    false,
		"https://a.git.example.com/":          false,
	} {
		if got := authorization(t, g, target) != ""; got != want {
			t.Errorf("credential put on %s: %t, want %t", target, got, want)
		}
	}
	if authorization(t, credentials.Git{}, repository) != "" {
		t.Error("the zero credential authorizes")
	}
}

// TestNothingPrintsIt walks every verb, also where fmt goes by reflection.
func TestNothingPrintsIt(t *testing.T) {
	cert, key := keyPair(t)
	g, err := credentials.ForGit(map[string][]byte{
		"username": []byte("u"), "password": []byte("canary-value"), "tls.crt": cert, "tls.key": key,
	}, repository)
	if err != nil {
		t.Fatal(err)
	}
	hidden := struct {
		g      credentials.Git
		secret credentials.Secret
		G      *credentials.Git
	}{g, credentials.NewSecret("canary-value"), &g}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%T"} {
		for _, value := range []any{g, &g, hidden, &hidden, hidden.secret, []any{g}} {
			out := fmt.Sprintf(verb, value)
			if strings.Contains(out, "canary") || strings.Contains(out, fmt.Sprintf("%x", "canary")) {
				t.Errorf("verb %s of %T shows the secret: %s", verb, value, out)
			}
		}
	}
	for _, value := range []any{g, &g, credentials.NewSecret("canary-value"), map[string]any{"g": g}} {
		out, err := json.Marshal(value)
		if err != nil || bytes.Contains(out, []byte("canary")) {
			t.Errorf("JSON of %T: %s, %v", value, out, err)
		}
	}
}

func TestScrub(t *testing.T) {
	g, err := credentials.ForGit(toBytes(map[string]string{"username": "u", "password": "canary"}), repository)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Scrub("bad header Basic dTpjYW5hcnk= for canary"); strings.Contains(got, "canary") || strings.Contains(got, "dTpj") {
		t.Errorf("scrubbed text is %q", got)
	}
}

func TestTLS(t *testing.T) {
	cert, key := keyPair(t)
	g, err := credentials.ForGit(map[string][]byte{"certFile": cert, "keyFile": key, "caFile": []byte("ignored"), "ca.crt": cert}, repository)
	if err != nil {
		t.Fatal(err)
	}
	if g.ClientCert() == nil || !bytes.Equal(g.CA(), cert) || g.Anonymous() {
		t.Errorf("certificate %v, CA of %d bytes: want both", g.ClientCert() != nil, len(g.CA()))
	}
	if got := strings.Join(g.LegacyKeys(), ","); got != "certFile,keyFile" {
		t.Errorf("legacy keys %q", got)
	}
}

// keyPair makes a self-signed certificate.
func keyPair(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}
