package remotebase

import (
	"container/list"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
)

// files is the tree of a commit as pkg/git gives it.
type files interface {
	fs.ReadDirFS
	fs.ReadFileFS
	fs.ReadLinkFS
}

// held is a tree that was fetched.
type held struct {
	files files
	bytes int64
	close func() error
}

// trees holds the trees used last. Who asks for one that is being fetched waits
// for it.
type trees struct {
	maxCount int
	maxBytes int64

	mu      sync.Mutex
	entries map[string]*entry
	recent  *list.List
	bytes   int64
}

// entry is a tree, or the fetching of one. Its fields are guarded by the lock of
// trees, held and err are set before done is closed.
type entry struct {
	key  string
	done chan struct{}
	held held
	err  error
	// users counts the builds that read the tree and have not closed it.
	users int
	// place is where the tree is among the recent ones; nil when it is not held.
	place *list.Element
}

func newTrees(count int, bytes int64) *trees {
	return &trees{maxCount: count, maxBytes: bytes, entries: map[string]*entry{}, recent: list.New()}
}

// get returns the tree of a key, fetching it if it is not held.
func (t *trees) get(ctx context.Context, key string, fetch func(context.Context) (held, error)) (fs.FS, error) {
	for {
		e, first := t.enter(key)
		if first {
			got, err := fetch(ctx)
			return t.finish(e, got, err)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), t.leave(e))
		case <-e.done:
		}
		if e.err == nil {
			return &view{files: e.held.files, release: func() error { return t.leave(e) }}, nil
		}
		if err := t.leave(e); err != nil {
			return nil, err
		}
		// It may have been the patience of whoever fetched that ended, not ours.
		if !errors.Is(e.err, context.Canceled) && !errors.Is(e.err, context.DeadlineExceeded) {
			return nil, e.err
		}
	}
}

// enter counts the caller as a user of a key, and reports whether it is the first
// and has to fetch.
func (t *trees) enter(key string) (*entry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.entries[key]
	if !ok {
		e = &entry{key: key, done: make(chan struct{})}
		t.entries[key] = e
	}
	e.users++
	if e.place != nil {
		t.recent.MoveToFront(e.place)
	}
	return e, !ok
}

// finish ends the fetching of a tree, and makes room for it.
func (t *trees) finish(e *entry, got held, err error) (fs.FS, error) {
	t.mu.Lock()
	e.held, e.err = got, err
	close(e.done)
	if err != nil {
		delete(t.entries, e.key)
		e.users--
		t.mu.Unlock()
		return nil, err
	}
	e.place = t.recent.PushFront(e)
	t.bytes += got.bytes
	old := t.surplus()
	t.mu.Unlock()
	// A tree that cannot be closed is lost; the one that was asked for is not.
	_ = closeAll(old)
	return &view{files: got.files, release: func() error { return t.leave(e) }}, nil
}

// leave is the end of a use.
func (t *trees) leave(e *entry) error {
	t.mu.Lock()
	e.users--
	old := t.surplus()
	t.mu.Unlock()
	return closeAll(old)
}

// surplus takes out the trees that are over the bounds, the one used longest ago
// first. One that is in use stays until it is closed.
func (t *trees) surplus() (out []held) {
	for at := t.recent.Back(); at != nil && (t.recent.Len() > t.maxCount || t.bytes > t.maxBytes); {
		e, before := at.Value.(*entry), at.Prev()
		if e.users == 0 {
			out = append(out, t.take(e))
		}
		at = before
	}
	return out
}

func (t *trees) take(e *entry) held {
	t.recent.Remove(e.place)
	e.place = nil
	delete(t.entries, e.key)
	t.bytes -= e.held.bytes
	return e.held
}

// clear closes every tree that is not in use.
func (t *trees) clear() error {
	t.mu.Lock()
	var out []held
	for at := t.recent.Back(); at != nil; {
		e, before := at.Value.(*entry), at.Prev()
		if e.users == 0 {
			out = append(out, t.take(e))
		}
		at = before
	}
	t.mu.Unlock()
	return closeAll(out)
}

func closeAll(old []held) error {
	var failures []error
	for _, h := range old {
		failures = append(failures, h.close())
	}
	return errors.Join(failures...)
}

// view is a tree in the hands of one build.
type view struct {
	files
	once    sync.Once
	release func() error
}

var _ io.Closer = (*view)(nil)

// Close lets the tree go; whoever closes it reads no more.
func (v *view) Close() (err error) {
	v.once.Do(func() { err = v.release() })
	return err
}
