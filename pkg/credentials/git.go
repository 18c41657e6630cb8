package credentials

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// Keys of a Secret that this package reads.
const (
	usernameKey = "username"
	passwordKey = "password"
	bearerKey   = "bearerToken"
	identityKey = "identity"

	caKey, legacyCAKey     = "ca.crt", "caFile"
	certKey, legacyCertKey = "tls.crt", "certFile"
	privKey, legacyPrivKey = "tls.key", "keyFile"
)

// Git is what a Git server over HTTP is shown: nothing, a user and password, or
// a bearer token, and beside it a certificate authority and a client
// certificate. The zero value shows nothing.
type Git struct {
	origin   string
	username string
	password Secret
	bearer   Secret
	ca       []byte
	cert     *tls.Certificate
	legacy   []string
}

// ForGit reads the data of a Secret for the repository at rawURL. Data may be
// nil; user information in the URL is then the fallback. Errors are faults and
// name keys, never values.
func ForGit(data map[string][]byte, rawURL string) (Git, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return Git{}, fault.Stalled(meta.ReasonURLInvalid,
			fmt.Errorf("reading the URL %s: it is not a URL", egress.Redact(rawURL)))
	}
	g := Git{origin: egress.Origin(u)}
	for _, read := range []func(map[string][]byte) error{g.refuseUnsupported, g.readAuth, g.readTLS} {
		if err := read(data); err != nil {
			return Git{}, err
		}
	}
	if u.User != nil && !g.hasAuth() {
		password, _ := u.User.Password()
		g.username, g.password = u.User.Username(), NewSecret(password)
	}
	return g, nil
}

// refuseUnsupported names credentials that are there and would be of no use, so
// that nobody waits for them to work.
func (g *Git) refuseUnsupported(data map[string][]byte) error {
	for key := range data {
		if strings.HasPrefix(key, "githubApp") {
			return fault.Stalled(meta.ReasonInvalidProviderConfiguration,
				errors.New("reading the Git credentials: the Secret holds keys of a GitHub App, which belong to provider github"),
				fault.Hint("this version does not act on provider github; use username and password or bearerToken"))
		}
	}
	_, ssh := data[identityKey]
	_, basic := data[usernameKey]
	_, bearer := data[bearerKey]
	if ssh && !basic && !bearer {
		return fault.Stalled(meta.ReasonFieldNotSupported,
			errors.New("reading the Git credentials: this version does not act on the SSH key in identity"),
			fault.Hint("use an https URL with username and password or bearerToken"))
	}
	return nil
}

func (g *Git) readAuth(data map[string][]byte) error {
	username, hasUser := data[usernameKey]
	password, hasPassword := data[passwordKey]
	token, hasToken := data[bearerKey]
	switch {
	case hasUser != hasPassword:
		return invalid("malformed basic auth: username and password are needed together")
	case hasUser && hasToken:
		return invalid("bearerToken and basic auth exclude each other")
	case hasUser && strings.Contains(string(username), ":"):
		return invalid("malformed basic auth: a username cannot contain a colon")
	case hasToken && !isToken(token):
		return invalid("bearerToken is empty or contains a space, a line break or another character that no token has")
	}
	g.username, g.password = string(username), NewSecret(string(password))
	g.bearer = NewSecret(string(token))
	return nil
}

func (g *Git) readTLS(data map[string][]byte) error {
	g.ca = g.pick(data, caKey, legacyCAKey)
	if len(g.ca) > 0 {
		if _, err := egress.NewTransport(egress.Options{CA: g.ca}); err != nil {
			return invalid("ca.crt holds no PEM certificate")
		}
	}
	cert, key := g.pick(data, certKey, legacyCertKey), g.pick(data, privKey, legacyPrivKey)
	if (len(cert) == 0) != (len(key) == 0) {
		return invalid("tls.crt and tls.key are needed together")
	}
	if len(cert) == 0 {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return invalid("tls.crt and tls.key are not a PEM certificate and its key")
	}
	g.cert = &pair
	return nil
}

// pick returns the value of a key or of its legacy spelling, and remembers that
// the latter was used.
func (g *Git) pick(data map[string][]byte, key, legacy string) []byte {
	if value := data[key]; len(value) > 0 {
		return value
	}
	if value := data[legacy]; len(value) > 0 {
		g.legacy = append(g.legacy, legacy)
		return value
	}
	return nil
}

func invalid(what string) error {
	return fault.Retry(meta.ReasonAuthenticationFailed, errors.New("reading the Git credentials: "+what))
}

// isToken refuses what would break the header: tokens are visible ASCII.
func isToken(token []byte) bool {
	return len(token) > 0 && !slices.ContainsFunc(token, func(b byte) bool { return b <= ' ' || b >= 0x7f })
}

func (g Git) hasAuth() bool { return g.username != "" || !g.password.IsEmpty() || !g.bearer.IsEmpty() }

// Anonymous reports whether the server is shown neither user nor token nor
// certificate.
func (g Git) Anonymous() bool { return !g.hasAuth() && g.cert == nil }

// Origin is the scheme, host and port the credential is bound to.
func (g Git) Origin() string { return g.origin }

// CA returns PEM certificates to be trusted beside those of the system.
func (g Git) CA() []byte { return g.ca }

// ClientCert returns the certificate for servers that ask for one, or nil.
func (g Git) ClientCert() *tls.Certificate { return g.cert }

// LegacyKeys lists the outdated keys that were read, for a log line.
func (g Git) LegacyKeys() []string { return g.legacy }

// Authorize puts the credential on a request to the origin it is bound to and
// leaves every other request alone.
func (g Git) Authorize(req *http.Request) {
	if !g.hasAuth() || egress.Origin(req.URL) != g.origin {
		return
	}
	if !g.bearer.IsEmpty() {
		req.Header.Set("Authorization", "Bearer "+g.bearer.Reveal())
		return
	}
	req.SetBasicAuth(g.username, g.password.Reveal())
}

// Scrub removes the secret values from text the server sent back.
func (g Git) Scrub(text string) string {
	if !g.password.IsEmpty() {
		basic := NewSecret(base64.StdEncoding.EncodeToString([]byte(g.username + ":" + g.password.Reveal())))
		text = g.password.scrub(basic.scrub(text))
	}
	return g.bearer.scrub(text)
}

// String says what kind of credential it is, never which.
func (g Git) String() string {
	switch {
	case !g.bearer.IsEmpty():
		return "bearer token " + redacted
	case g.hasAuth():
		return "basic auth " + redacted
	case g.cert != nil:
		return "client certificate " + redacted
	default:
		return "anonymous"
	}
}

// Format prints String, whatever the verb.
func (g Git) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(g.String())) }

// MarshalText returns String; JSON and YAML use it.
func (g Git) MarshalText() ([]byte, error) { return []byte(g.String()), nil }
