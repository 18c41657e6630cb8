package provider

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// Clients keeps one HTTP client for each Provider, made from its proxy and its
// certificates. Connections stay open between messages.
type Clients struct {
	guard egress.Guard
	pool  *Pool[*http.Client]
}

// NewClients returns clients that dial under the guard.
func NewClients(guard egress.Guard) *Clients {
	return &Clients{guard: guard, pool: NewPool((*http.Client).CloseIdleConnections)}
}

// Of returns the client of the Provider with the settings. An error is final.
func (c *Clients) Of(s *Settings) (*http.Client, error) {
	client, err := c.pool.Get(s.Provider, clientDigest(s), func() (*http.Client, error) { return newClient(s, c.guard) })
	if err != nil {
		return nil, unusable(s.Provider, err)
	}
	return client, nil
}

// Drop closes the connections of a Provider that is gone.
func (c *Clients) Drop(provider types.NamespacedName) { c.pool.Drop(provider) }

// clientDigest covers what newClient reads of the settings.
func clientDigest(s *Settings) Digest {
	parts := [][]byte{s.CA, nil}
	if s.Proxy != nil {
		parts[1] = []byte(s.Proxy.String())
	}
	if s.ClientCert != nil {
		parts = append(parts, s.ClientCert.Certificate...)
	}
	return DigestOf(parts...)
}

func newClient(s *Settings, guard egress.Guard) (*http.Client, error) {
	client, err := egress.NewClient(egress.Options{ClientCert: s.ClientCert, Proxy: s.Proxy, Guard: guard})
	if err != nil {
		return nil, err
	}
	if len(s.CA) > 0 {
		transport, ok := client.Transport.(*http.Transport)
		if !ok {
			return nil, fmt.Errorf("configuring the transport: %T takes no certificate authority", client.Transport)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(s.CA) {
			return nil, errors.New("reading ca.crt: no PEM certificate found")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	follow := client.CheckRedirect
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		// Other redirects turn the message into a GET, whose success would be taken
		// for a delivery.
		if req.Method != via[0].Method {
			return errors.New("the service redirected in a way that loses the message")
		}
		return follow(req, via)
	}
	return client, nil
}
