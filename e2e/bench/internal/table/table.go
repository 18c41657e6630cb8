// Package table keeps the newest state of a collection of objects, fed by one watch: waiting for a state costs the machine
// no polling, and an event is timed when it arrives.
package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// Meta is the part of an object's metadata that is kept.
type Meta struct {
	Name            string            `json:"name"`
	Namespace       string            `json:"namespace"`
	UID             string            `json:"uid"`
	Generation      int64             `json:"generation"`
	ResourceVersion string            `json:"resourceVersion"`
	Labels          map[string]string `json:"labels"`
}

// Version returns the resource version as a number, which etcd makes grow with every write of the cluster.
func (m Meta) Version() uint64 {
	version, err := strconv.ParseUint(m.ResourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return version
}

// Key names an object within its collection.
func (m Meta) Key() string { return m.Namespace + "/" + m.Name }

// Row is what is decoded of an object: a struct that embeds its metadata.
type Row interface{ GetMeta() Meta }

// Table is a collection of objects. Its methods may be called from several goroutines.
type Table[R Row] struct {
	mu      sync.Mutex
	rows    map[string]R
	waiting map[*waiter[R]]struct{}
	err     error
}

type waiter[R Row] struct {
	done func(rows map[string]R) bool
	at   time.Time
	hit  chan struct{}
}

// Open lists the collection at an API path and watches it until the context ends.
func Open[R Row](ctx context.Context, c rest.Interface, path string) (*Table[R], error) {
	t := &Table[R]{waiting: map[*waiter[R]]struct{}{}}
	version, err := t.list(ctx, c, path)
	if err != nil {
		return nil, err
	}
	stream, err := watch(ctx, c, path, version)
	if err != nil {
		return nil, err
	}
	go t.keep(ctx, c, path, stream)
	return t, nil
}

// keep opens the watch again when the API server has ended it, as it does with one that cannot keep up. If that fails, who
// waits gets the cause.
func (t *Table[R]) keep(ctx context.Context, c rest.Interface, path string, stream io.ReadCloser) {
	for {
		t.follow(stream)
		version, err := t.list(ctx, c, path)
		if err == nil {
			stream, err = watch(ctx, c, path, version)
		}
		if err != nil {
			t.fail(err)
			return
		}
	}
}

// list replaces all rows and returns the version that a watch goes on from.
func (t *Table[R]) list(ctx context.Context, c rest.Interface, path string) (string, error) {
	body, err := c.Get().AbsPath(path).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("listing %s: %w", path, err)
	}
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []R `json:"items"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return "", fmt.Errorf("decoding the list of %s: %w", path, err)
	}
	rows := map[string]R{}
	for _, row := range list.Items {
		rows[row.GetMeta().Key()] = row
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = rows
	t.wake(time.Now())
	return list.Metadata.ResourceVersion, nil
}

func watch(ctx context.Context, c rest.Interface, path, version string) (io.ReadCloser, error) {
	stream, err := c.Get().AbsPath(path).
		Param("watch", "true").Param("resourceVersion", version).Param("timeoutSeconds", "7200").Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", path, err)
	}
	return stream, nil
}

// follow returns when the watch has ended.
func (t *Table[R]) follow(stream io.ReadCloser) {
	defer func() { _ = stream.Close() }()
	decoder := json.NewDecoder(stream)
	for {
		var event struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"`
		}
		var row R
		if decoder.Decode(&event) != nil || event.Type == "ERROR" || json.Unmarshal(event.Object, &row) != nil {
			return
		}
		t.see(event.Type, row)
	}
}

func (t *Table[R]) see(kind string, row R) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if kind == "DELETED" {
		delete(t.rows, row.GetMeta().Key())
	} else {
		t.rows[row.GetMeta().Key()] = row
	}
	t.wake(now)
}

// wake wakes those for whom it is done. The caller holds the lock.
func (t *Table[R]) wake(now time.Time) {
	for w := range t.waiting {
		if w.done(t.rows) {
			w.at = now
			close(w.hit)
			delete(t.waiting, w)
		}
	}
}

func (t *Table[R]) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	for w := range t.waiting {
		close(w.hit)
		delete(t.waiting, w)
	}
}

// Get returns the newest state of an object.
func (t *Table[R]) Get(key string) (R, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row, ok := t.rows[key]
	return row, ok
}

// Rows calls see with every object.
func (t *Table[R]) Rows(see func(R)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, row := range t.rows {
		see(row)
	}
}

// Await returns when done was true of the collection: at once, or the moment the event arrived that made it so.
// Done runs under the table's lock and must not call the table.
func (t *Table[R]) Await(ctx context.Context, done func(rows map[string]R) bool) (time.Time, error) {
	w, err := t.enter(done)
	if err != nil || w == nil {
		return time.Now(), err
	}
	select {
	case <-w.hit:
	case <-ctx.Done():
		t.mu.Lock()
		delete(t.waiting, w)
		t.mu.Unlock()
		return time.Time{}, context.Cause(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.at.IsZero() {
		return time.Time{}, errors.Join(errEnded, t.err)
	}
	return w.at, nil
}

var errEnded = errors.New("the watch ended")

// enter returns nil if there is nothing to wait for.
func (t *Table[R]) enter(done func(map[string]R) bool) (*waiter[R], error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return nil, t.err
	}
	if done(t.rows) {
		return nil, nil
	}
	w := &waiter[R]{done: done, hit: make(chan struct{})}
	t.waiting[w] = struct{}{}
	return w, nil
}
