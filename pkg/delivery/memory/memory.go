// Package memory keeps, for each unit, what a pass learned and the next one can
// use. Nothing in it is needed to be right: a restart that loses it costs work, not
// correctness.
package memory

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Memory keeps a value for each unit of a process. It is safe for concurrent use;
// the passes over one unit are expected to follow one another.
type Memory[T any] struct {
	mu    sync.Mutex
	units map[types.NamespacedName]*entry[T]
}

type entry[T any] struct {
	uid   types.UID
	value T
	// answered is the last request that was answered from outside of a pass.
	answered string
}

// New returns an empty memory.
func New[T any]() *Memory[T] { return &Memory[T]{units: map[types.NamespacedName]*entry[T]{}} }

// of returns the entry of a unit, an empty one if it is new. One that was deleted
// and made anew is another unit.
func (m *Memory[T]) of(name types.NamespacedName, uid types.UID) *entry[T] {
	e, ok := m.units[name]
	if !ok || e.uid != uid {
		e = &entry[T]{uid: uid}
		m.units[name] = e
	}
	return e
}

// Get returns what the last pass left, and the last request that was answered since.
func (m *Memory[T]) Get(name types.NamespacedName, uid types.UID) (value T, answered string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.of(name, uid)
	return e.value, e.answered
}

// Put keeps what a pass leaves.
func (m *Memory[T]) Put(name types.NamespacedName, uid types.UID, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(name, uid).value = value
}

// Answer notes that a request of a unit was answered. It may come at any time, also
// during a pass, and is not lost when that pass puts its value back; an answer to
// an object that is not there any more is dropped.
func (m *Memory[T]) Answer(name types.NamespacedName, uid types.UID, request string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.units[name]; ok && e.uid == uid {
		e.answered = request
	}
}

// Peek returns what is kept of a unit of that name, or the zero value.
func (m *Memory[T]) Peek(name types.NamespacedName) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.units[name]; ok {
		return e.value
	}
	var none T
	return none
}

// Forget drops a unit.
func (m *Memory[T]) Forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.units, name)
}
