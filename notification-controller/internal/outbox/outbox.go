package outbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Outbox is an open outbox.
type Outbox struct {
	options Options
	disk    disk
	close   func() error

	mu      sync.Mutex
	queues  map[string]*queue
	ids     map[string]struct{}
	dead    []entry
	nextSeq uint64
	stats   Stats
	// running is the life of the workers, nil before Start.
	running context.Context //nolint:containedctx // the life of the outbox, not of a call
	workers sync.WaitGroup
}

// entry is what the index in memory holds of a record.
type entry struct {
	seq    uint64
	id     string
	size   int64
	stored time.Time
}

// queue is the deliveries of one provider.
type queue struct {
	entries []entry
	working bool
	wake    chan struct{}
}

// Open opens the outbox in a directory and reads what a former process left
// there.
func Open(o Options) (*Outbox, error) {
	o = o.withDefaults()
	root, unlock, err := claim(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the outbox in %s: %w", o.Dir, err)
	}
	b := &Outbox{
		options: o, disk: o.on(&folder{root: root}), queues: map[string]*queue{}, ids: map[string]struct{}{},
		close: func() error { return errors.Join(root.Close(), unlock()) },
	}
	if err := b.load(root); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the outbox in %s: %w", o.Dir, err), b.close())
	}
	return b, nil
}

// Close releases the directory. Start has returned before.
func (b *Outbox) Close() error { return b.close() }

// Stats returns the numbers of the moment.
func (b *Outbox) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	for _, q := range b.queues {
		s.Pending += len(q.entries)
		if len(q.entries) > 0 && (s.Oldest.IsZero() || q.entries[0].stored.Before(s.Oldest)) {
			s.Oldest = q.entries[0].stored
		}
	}
	return s
}

// Put stores the items. When it returns nil all of them are on disk; when it
// returns an error, putting the same items again is safe.
func (b *Outbox) Put(items ...Item) error {
	fresh, seqs := b.reserve(items)
	if len(fresh) == 0 {
		return nil
	}
	now := b.options.Clock.Now()
	entries := make([]entry, 0, len(fresh))
	err := b.write(fresh, seqs, now, &entries)
	if err != nil {
		b.abandon(fresh, seqs)
		return fmt.Errorf("storing a delivery: %w", err)
	}
	b.enqueue(fresh, entries)
	b.evict()
	return nil
}

// reserve picks the items whose ID does not wait already and numbers them.
func (b *Outbox) reserve(items []Item) (fresh []Item, seqs []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, item := range items {
		if _, waits := b.ids[item.ID]; waits {
			continue
		}
		b.ids[item.ID] = struct{}{}
		fresh, seqs = append(fresh, item), append(seqs, b.nextSeq)
		b.nextSeq++
	}
	return fresh, seqs
}

func (b *Outbox) write(items []Item, seqs []uint64, now time.Time, entries *[]entry) error {
	for i, item := range items {
		data, err := Record{Item: item, Stored: now}.encode()
		if err != nil {
			return err
		}
		if err := b.publish(seqs[i], recordSuffix, data); err != nil {
			return err
		}
		*entries = append(*entries, entry{seq: seqs[i], id: item.ID, size: onDisk(len(data)), stored: now})
	}
	return b.disk.Sync()
}

// publish makes a whole file appear under its name, or none.
func (b *Outbox) publish(seq uint64, suffix string, data []byte) error {
	partial := name(seq, partialSuffix)
	if err := b.disk.Create(partial, data); err != nil {
		return err
	}
	return b.disk.Rename(partial, name(seq, suffix))
}

// abandon takes back what a failed Put has left; the caller was promised
// nothing, so what cannot be removed may as well be sent.
func (b *Outbox) abandon(items []Item, seqs []uint64) {
	for _, seq := range seqs {
		_ = b.disk.Remove(name(seq, partialSuffix))
		_ = b.disk.Remove(name(seq, recordSuffix))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, item := range items {
		delete(b.ids, item.ID)
	}
}

func (b *Outbox) enqueue(items []Item, entries []entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, e := range entries {
		b.push(items[i].Queue, e)
	}
}

// push appends an entry and starts the worker of its queue. The lock is held.
func (b *Outbox) push(key string, e entry) {
	q := b.queues[key]
	if q == nil {
		q = &queue{wake: make(chan struct{}, 1)}
		b.queues[key] = q
	}
	q.entries = append(q.entries, e)
	b.stats.Bytes += e.size
	b.startWorker(key, q)
}

// evict drops the oldest deliveries while there are too many bytes.
func (b *Outbox) evict() {
	var gone []entry
	b.mu.Lock()
	for b.stats.Bytes > b.options.MaxBytes {
		key, e, ok := b.oldest()
		if !ok {
			break
		}
		b.forget(key, e)
		b.stats.Dropped++
		gone = append(gone, e)
	}
	b.mu.Unlock()
	for _, e := range gone {
		_ = b.disk.Remove(name(e.seq, recordSuffix))
	}
	if len(gone) > 0 {
		b.options.Log.Info("dropping the oldest deliveries, the outbox is full", "dropped", len(gone), "maxBytes", b.options.MaxBytes)
	}
}

// oldest finds the delivery that has waited longest. The lock is held.
func (b *Outbox) oldest() (key string, found entry, ok bool) {
	for k, q := range b.queues {
		if len(q.entries) > 0 && (!ok || q.entries[0].seq < found.seq) {
			key, found, ok = k, q.entries[0], true
		}
	}
	return key, found, ok
}

// forget takes an entry out of the index and reports whether it was there. The lock
// is held.
func (b *Outbox) forget(key string, e entry) bool {
	q := b.queues[key]
	if q == nil || len(q.entries) == 0 || q.entries[0].seq != e.seq {
		return false
	}
	q.entries = q.entries[1:]
	b.stats.Bytes -= e.size
	delete(b.ids, e.id)
	return true
}

func onDisk(n int) int64 { return int64((n + block - 1) / block * block) }

// claim opens the directory and makes sure that no other process uses it.
func claim(dir string) (*os.Root, func() error, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, nil, err
	}
	if !info.IsDir() {
		return nil, nil, errors.New("it is not a directory")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	unlock, err := lock(root)
	if err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	return root, unlock, nil
}
