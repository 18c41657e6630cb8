// Package schema shares the kustomize library's process-wide OpenAPI schema.
package schema

import (
	"sync"

	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// Shared guards the library's process-wide OpenAPI schema. Parsing it costs
// some 50 ms and 50 MB, so it is parsed once and shared. The library itself leaves
// a schema that a build has set in place for whoever builds next, and its own lock
// protects memory only, not meaning: a foreign schema makes strategic merge
// patches replace lists instead of merging them.
type Shared struct{ mu sync.RWMutex }

// New parses the common schema.
func New() *Shared {
	s := &Shared{}
	s.mu.Lock()
	defer s.mu.Unlock()
	preload()
	return s
}

// Together runs f beside others that do the same. f must not let a schema be set.
func (s *Shared) Together(f func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return f()
}

// Alone runs f while nobody else builds and restores the schema afterwards, also
// after a panic.
func (s *Shared) Alone(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer preload()
	return f()
}

func preload() {
	openapi.ResetOpenAPI()
	openapi.Schema()
}
