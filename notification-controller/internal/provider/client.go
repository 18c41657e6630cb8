package provider

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// NewClient returns a client for the settings. Its connections stay open between
// messages.
func NewClient(s *Settings, guard egress.Guard) (*http.Client, error) {
	client, err := egress.NewClient(egress.Options{ClientCert: s.ClientCert, Proxy: s.Proxy, Guard: guard})
	if err != nil {
		return nil, err
	}
	if len(s.CA) > 0 {
		transport, ok := client.Transport.(*http.Transport)
		if !ok {
			return nil, fmt.Errorf("shaping the transport: %T is not one that can be shaped", client.Transport)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(s.CA) {
			return nil, Final(errors.New("reading ca.crt: no PEM certificate found"))
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

// Pool keeps one client for each Provider for as long as what shapes it stays
// the same.
type Pool struct {
	// Guard says which addresses may be dialled.
	Guard egress.Guard

	mu      sync.Mutex
	clients map[string]pooled
}

type pooled struct {
	shape  [sha256.Size]byte
	client *http.Client
}

// Client returns the client of the Provider with the given key.
func (p *Pool) Client(key string, s *Settings) (*http.Client, error) {
	shape := s.shape()
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.clients[key]
	if ok && known.shape == shape {
		return known.client, nil
	}
	client, err := NewClient(s, p.Guard)
	if err != nil {
		return nil, err
	}
	if ok {
		known.client.CloseIdleConnections()
	}
	if p.clients == nil {
		p.clients = map[string]pooled{}
	}
	p.clients[key] = pooled{shape: shape, client: client}
	return client, nil
}

// Forget closes the connections of a Provider that is gone.
func (p *Pool) Forget(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.clients[key]; ok {
		known.client.CloseIdleConnections()
		delete(p.clients, key)
	}
}

// shape is a digest of what a client is made from.
func (s *Settings) shape() [sha256.Size]byte {
	h := sha256.New()
	write := func(part []byte) { fmt.Fprintf(h, "%d:%s;", len(part), part) }
	write(s.CA)
	if s.Proxy != nil {
		write([]byte(s.Proxy.String()))
	}
	if s.ClientCert != nil {
		for _, der := range s.ClientCert.Certificate {
			write(der)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
