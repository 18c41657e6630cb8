package intake

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// maxKeys bounds how many events are remembered; beyond it the oldest are
// forgotten, which at worst lets a duplicate through.
const maxKeys = 100_000

// dedupe lets one event of a key through in an interval. A key counts from the
// moment its event was stored; one that could not be stored may be sent again.
type dedupe struct {
	interval time.Duration
	clock    clock.PassiveClock

	mu      sync.Mutex
	entries map[string]*taken
	// order holds the stored keys, oldest first.
	order []stamp
}

type taken struct {
	// done is closed when storing has ended; until is zero if it failed.
	done  chan struct{}
	until time.Time
}

type stamp struct {
	key   string
	until time.Time
}

func newDedupe(interval time.Duration, c clock.PassiveClock) *dedupe {
	return &dedupe{interval: interval, clock: c, entries: map[string]*taken{}}
}

// take runs store unless an event of the key was stored in the last interval. It
// returns when the next event of the key may pass, and whether this one is a
// duplicate. Whoever comes while another event of the key is being stored waits
// until that has succeeded or failed, since a duplicate that is turned away is
// never sent again.
func (d *dedupe) take(ctx context.Context, key string, store func() error) (until time.Time, duplicate bool, err error) {
	for {
		entry, mine := d.claim(key)
		if mine {
			return d.finish(key, entry, store)
		}
		select {
		case <-entry.done:
		case <-ctx.Done():
			return time.Time{}, false, ctx.Err()
		}
		if !entry.until.IsZero() {
			return entry.until, true, nil
		}
	}
}

func (d *dedupe) claim(key string) (entry *taken, mine bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire()
	if entry = d.entries[key]; entry != nil {
		return entry, false
	}
	entry = &taken{done: make(chan struct{})}
	d.entries[key] = entry
	return entry, true
}

// finish stores and wakes those who wait, also when storing panics.
func (d *dedupe) finish(key string, entry *taken, store func() error) (until time.Time, duplicate bool, err error) {
	stored := false
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if stored {
			entry.until = until
			d.order = append(d.order, stamp{key: key, until: until})
		} else {
			delete(d.entries, key)
		}
		close(entry.done)
	}()
	if err := store(); err != nil {
		return time.Time{}, false, err
	}
	stored = true
	return d.clock.Now().Add(d.interval), false, nil
}

// expire forgets keys whose interval is over, and the oldest of too many. The
// lock is held.
func (d *dedupe) expire() {
	now := d.clock.Now()
	for len(d.order) > 0 && (len(d.order) > maxKeys || !now.Before(d.order[0].until)) {
		delete(d.entries, d.order[0].key)
		d.order = d.order[1:]
	}
}
