package kubeconfig

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// Endpoint is a cluster that can be reached, with the credential for it. It holds
// secrets and prints as its address. It is safe for concurrent use.
type Endpoint struct {
	config  *rest.Config
	pool    http.RoundTripper
	host    string
	facts   [sha256.Size]byte
	dropped []string
	current func() bool
}

// Connection describes a cluster that no kubeconfig describes.
type Connection struct {
	// Server is its address.
	Server string
	// CA holds the PEM certificates that its certificate is verified by; those of
	// the system if empty.
	CA []byte
	// Tokens are shown to the server, one with every request.
	Tokens TokenSource
	// Facts are what else distinguishes this connection from others, for its digest: who
	// the tokens stand for.
	Facts []string
	// Current reports whether the address and the CA still hold; nil if they do
	// not change.
	Current func() bool
}

// Connect returns the target of a connection.
func Connect(c Connection, o Options) (*Endpoint, error) {
	server, err := ParseAddress(c.Server, o)
	if err != nil {
		return nil, fmt.Errorf("reading the address of the cluster: %w", err)
	}
	if c.Tokens == nil {
		return nil, errors.New("connecting to a cluster: no credential was given")
	}
	return newEndpoint(connection{server: server, ca: c.CA, tokens: c.Tokens, facts: c.Facts, current: c.Current}, o)
}

// newEndpoint makes the one transport that all clients of a target share, whoever
// they impersonate.
func newEndpoint(c connection, o Options) (*Endpoint, error) {
	host := c.server.String()
	guard := o.Guard
	if c.proxy != nil {
		guard = proxyGuard(guard)
	}
	guarded, err := egress.NewTransport(egress.Options{Guard: guard, Proxy: c.proxy})
	if err != nil {
		return nil, err
	}
	config := &rest.Config{
		Host: host, TLSClientConfig: c.tlsOptions(), DisableCompression: c.noCompression,
		Dial: guarded.DialContext, Proxy: guarded.Proxy,
	}
	var pool http.RoundTripper
	if c.exec == nil {
		if pool, err = rest.TransportFor(config); err != nil {
			return nil, refuse("making a transport for %s: %w", egress.Redact(host), err)
		}
		config = &rest.Config{Host: host, Transport: pool}
	}
	config.BearerToken, config.Username, config.Password = c.token, c.username, c.password
	config.ExecProvider = c.exec
	config.QPS = -1 // The fairness of the server is throttle enough.
	settings := settings{
		origin: egress.Origin(c.server), host: egress.Redact(host), timeout: o.timeout(),
		tokens: c.tokens, dropped: c.dropped,
	}
	config.Wrap(settings.wrap)
	t := &Endpoint{config: config, pool: pool, host: egress.Redact(host), facts: c.digest(), dropped: c.dropped, current: c.current}
	return t, nil
}

// digest hashes every fact, each with its length, so that no two connections
// run together.
func (c *connection) digest() [sha256.Size]byte {
	proxy := ""
	if c.proxy != nil {
		proxy = c.proxy.String()
	}
	facts, err := json.Marshal([]any{
		c.server.String(), c.serverName, c.ca, strconv.FormatBool(c.insecure), proxy,
		c.cert, c.key, c.token, c.username, c.password, describe(c.exec), c.facts,
	})
	if err != nil {
		panic("a list of strings is always JSON: " + err.Error())
	}
	return sha256.Sum256(facts)
}

// Config returns the configuration of clients that reach the cluster with the
// target's own credential. It goes through tenancy.Config to get an identity.
// All clients made of it share one pool of connections, except where the
// credential comes from a program. It has no overall timeout, because that would
// end watches; its transport bounds everything else. It is not throttled.
func (t *Endpoint) Config() *rest.Config { return rest.CopyConfig(t.config) }

// Host is the address of the server, fit to be shown.
func (t *Endpoint) Host() string { return t.host }

// Digest names the connection with all it consists of, the credential included:
// it changes when anything changes, and two that are equal are one connection.
// It is keyed, because a password can be guessed when its hash is seen; with a
// key that nobody knows it may be shown and stored.
func (t *Endpoint) Digest(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(t.facts[:])
	return hex.EncodeToString(mac.Sum(nil))
}

// Dropped lists the fields of the kubeconfig that are not honoured, for a log
// line or a trace event.
func (t *Endpoint) Dropped() []string { return slices.Clone(t.dropped) }

// Current reports whether the target still leads to the cluster it was made for.
// One that does not is made anew.
func (t *Endpoint) Current() bool { return t.current == nil || t.current() }

// Close gives up idle connections. Whoever keeps targets closes those it forgets.
func (t *Endpoint) Close() {
	if t.pool != nil {
		utilnet.CloseIdleConnectionsFor(t.pool)
	}
}

// String returns the address.
func (t *Endpoint) String() string { return t.host }

// Format prints String, whatever the verb.
func (t *Endpoint) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.host)) }

// MarshalText returns String; JSON and YAML use it.
func (t *Endpoint) MarshalText() ([]byte, error) { return []byte(t.host), nil }
