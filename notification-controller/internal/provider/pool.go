package provider

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Pool keeps one connection for each Provider for as long as what it is made from
// stays the same. A connection is whatever a service keeps between messages: an
// HTTP client, a session of another protocol.
type Pool[C any] struct {
	release func(C)

	mu      sync.Mutex
	entries map[types.NamespacedName]pooled[C]
}

type pooled[C any] struct {
	config     Digest
	connection C
}

// NewPool returns an empty pool. Release is called with connections that are no
// longer used.
func NewPool[C any](release func(C)) *Pool[C] {
	return &Pool[C]{release: release, entries: map[types.NamespacedName]pooled[C]{}}
}

// Get returns the connection of a Provider, or makes one if there is none or the
// digest of its configuration is another. It does not hold up other Providers
// while it connects.
func (p *Pool[C]) Get(provider types.NamespacedName, config Digest, connect func() (C, error)) (C, error) {
	p.mu.Lock()
	known, ok := p.entries[provider]
	p.mu.Unlock()
	if ok && known.config == config {
		return known.connection, nil
	}
	connection, err := connect()
	if err != nil {
		return connection, err
	}
	p.mu.Lock()
	old, replaced := p.entries[provider]
	p.entries[provider] = pooled[C]{config: config, connection: connection}
	p.mu.Unlock()
	if replaced {
		p.release(old.connection)
	}
	return connection, nil
}

// Drop releases the connection of a Provider that is gone, or one that broke.
func (p *Pool[C]) Drop(provider types.NamespacedName) {
	p.mu.Lock()
	known, ok := p.entries[provider]
	delete(p.entries, provider)
	p.mu.Unlock()
	if ok {
		p.release(known.connection)
	}
}

// Digest of the configuration that a connection is made from.
type Digest [sha256.Size]byte

// DigestOf returns the digest of the parts, in their order.
func DigestOf(parts ...[]byte) Digest {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s;", len(part), part)
	}
	return Digest(h.Sum(nil))
}
