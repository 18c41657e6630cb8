package once

import (
	"container/list"
	"context"
	"sync"
)

// Store keeps values by key within a budget of bytes. A value is made once for
// everybody who asks while it is being made; it stays while somebody holds it,
// and then until room is needed, the longest unused leaving first, or a newer one
// of its series has taken its place.
type Store[V any] struct {
	limit int64
	size  func(V) int64
	free  func(V)

	mu    sync.Mutex
	items map[string]*item[V]
	idle  *list.List // of *item[V], longest unused first
	held  int64
	made  int
}

// item is a value that is being made or kept.
type item[V any] struct {
	key    string
	series string
	number int // counts what was made
	done   chan struct{}
	cancel context.CancelFunc
	value  V
	err    error
	made   bool
	users  int
	idle   *list.Element
}

// New returns an empty store. size says what a value costs and free is called
// with a value that is dropped.
func New[V any](limit int64, size func(V) int64, free func(V)) *Store[V] {
	return &Store[V]{limit: limit, size: size, free: free, items: map[string]*item[V]{}, idle: list.New()}
}

// Acquire returns the value of a key and a function that gives it back. The
// first who asks starts to make it; making goes on until it is done or nobody
// waits any more, whoever started it. Values of a series replace each other.
func (s *Store[V]) Acquire(ctx context.Context, series, key string, create func(context.Context) (V, error)) (V, func(), error) {
	var zero V
	s.mu.Lock()
	it, ok := s.items[key]
	if !ok {
		makeCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		it = &item[V]{key: key, series: series, done: make(chan struct{}), cancel: cancel}
		s.items[key] = it
		go s.create(makeCtx, it, create)
	}
	it.users++
	if it.idle != nil {
		s.idle.Remove(it.idle)
		it.idle = nil
	}
	s.mu.Unlock()

	select {
	case <-it.done:
	case <-ctx.Done():
		s.release(it)
		return zero, nil, ctx.Err()
	}
	if it.err != nil {
		s.release(it)
		return zero, nil, it.err
	}
	return it.value, sync.OnceFunc(func() { s.release(it) }), nil
}

// create makes the value of an item.
func (s *Store[V]) create(ctx context.Context, it *item[V], create func(context.Context) (V, error)) {
	defer it.cancel()
	value, err := create(ctx)
	s.mu.Lock()
	it.value, it.err, it.made = value, err, true
	var unwanted []V
	switch {
	case err != nil:
		s.forget(it)
	case s.items[it.key] != it:
		// Everybody left while it was made, and somebody may have started anew.
		unwanted = append(unwanted, value)
	default:
		s.held += s.size(value)
		s.made++
		it.number = s.made
		unwanted = append(s.outdated(it.series), s.trim()...)
	}
	s.mu.Unlock()
	close(it.done)
	s.freeAll(unwanted)
}

// release gives an item back. The last to leave an unfinished one stops it.
func (s *Store[V]) release(it *item[V]) {
	s.mu.Lock()
	it.users--
	var unwanted []V
	if it.users == 0 {
		switch {
		case !it.made:
			it.cancel()
			s.forget(it)
		case it.err == nil && s.items[it.key] == it:
			it.idle = s.idle.PushBack(it)
			unwanted = append(s.outdated(it.series), s.trim()...)
		}
	}
	s.mu.Unlock()
	s.freeAll(unwanted)
}

func (s *Store[V]) forget(it *item[V]) {
	if s.items[it.key] == it {
		delete(s.items, it.key)
	}
}

// trim drops unused values until the rest fits. It runs under the lock and
// returns what to free after it.
func (s *Store[V]) trim() []V {
	var unwanted []V
	for s.held > s.limit && s.idle.Len() > 0 {
		unwanted = append(unwanted, s.drop(s.idle.Front()))
	}
	return unwanted
}

// outdated drops what newer values of a series have replaced and nobody holds. It
// runs under the lock and returns what to free after it.
func (s *Store[V]) outdated(series string) []V {
	newest := 0
	for _, it := range s.items {
		if it.series == series && it.made && it.err == nil {
			newest = max(newest, it.number)
		}
	}
	var unwanted []V
	for at := s.idle.Front(); at != nil; {
		next := at.Next()
		if it := at.Value.(*item[V]); it.series == series && it.number < newest { //nolint:forcetypeassert // Nothing else is in the list.
			unwanted = append(unwanted, s.drop(at))
		}
		at = next
	}
	return unwanted
}

// drop takes a value out that nobody holds.
func (s *Store[V]) drop(at *list.Element) V {
	it := s.idle.Remove(at).(*item[V]) //nolint:forcetypeassert // Nothing else is in the list.
	it.idle = nil
	s.held -= s.size(it.value)
	s.forget(it)
	return it.value
}

func (s *Store[V]) freeAll(values []V) {
	for _, v := range values {
		s.free(v)
	}
}

// Drop forgets everything that nobody holds.
func (s *Store[V]) Drop() {
	s.mu.Lock()
	limit := s.limit
	s.limit = -1
	unwanted := s.trim()
	s.limit = limit
	s.mu.Unlock()
	s.freeAll(unwanted)
}
