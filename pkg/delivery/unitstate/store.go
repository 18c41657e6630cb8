// Package unitstate keeps, for each unit, what a pass learned and the next one can
// use. Nothing in it is needed to be right: a restart that loses it costs work, not
// correctness.
package unitstate

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Store keeps a value for each unit of a process. It is safe for concurrent use;
// the passes over one unit are expected to follow one another.
type Store[T any] struct {
	mu    sync.Mutex
	units map[types.NamespacedName]*entry[T]
}

type entry[T any] struct {
	uid   types.UID
	value T
	// answered is the last request that was answered from outside of a pass.
	answered string
}

// New returns an empty store.
func New[T any]() *Store[T] { return &Store[T]{units: map[types.NamespacedName]*entry[T]{}} }

// of returns the entry of a unit, an empty one if it is new. One that was deleted
// and made anew is another unit.
func (s *Store[T]) of(name types.NamespacedName, uid types.UID) *entry[T] {
	e, ok := s.units[name]
	if !ok || e.uid != uid {
		e = &entry[T]{uid: uid}
		s.units[name] = e
	}
	return e
}

// Get returns what the last pass left, and the last request that was answered since.
func (s *Store[T]) Get(name types.NamespacedName, uid types.UID) (value T, answered string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.of(name, uid)
	return e.value, e.answered
}

// Put keeps what a pass leaves.
func (s *Store[T]) Put(name types.NamespacedName, uid types.UID, value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(name, uid).value = value
}

// Answer notes that a request of a unit was answered. It may come at any time, also
// during a pass, and is not lost when that pass puts its value back; an answer to
// an object that is not there any more is dropped.
func (s *Store[T]) Answer(name types.NamespacedName, uid types.UID, request string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.units[name]; ok && e.uid == uid {
		e.answered = request
	}
}

// Peek returns what is kept of a unit of that name, or the zero value.
func (s *Store[T]) Peek(name types.NamespacedName) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.units[name]; ok {
		return e.value
	}
	var none T
	return none
}

// Forget drops a unit.
func (s *Store[T]) Forget(name types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.units, name)
}
