package outbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
)

const (
	// firstPause doubles up to quickPause for the first retries, and to maxPause for
	// the rest of the day.
	firstPause   = 2 * time.Second
	quickPause   = 30 * time.Second
	quickRetries = 4
	maxPause     = 5 * time.Minute
	// maxAfter is the longest a far side may ask us to stay away.
	maxAfter = time.Hour
)

// NeedLeaderElection says that the outbox sends on every replica: each has taken
// events of its own.
func (b *Outbox) NeedLeaderElection() bool { return false }

// Start sends until the context ends, and returns when all workers have.
func (b *Outbox) Start(ctx context.Context) error {
	b.mu.Lock()
	b.running = ctx
	for key, q := range b.queues {
		b.startWorker(key, q)
	}
	b.mu.Unlock()
	<-ctx.Done()
	// No worker is started from here on: startWorker checks the context under the
	// lock.
	b.mu.Lock()
	b.running = nil
	b.mu.Unlock()
	b.workers.Wait()
	return nil
}

// Wake ends the pause of a queue, because what made it fail may have changed.
func (b *Outbox) Wake(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[key]; q != nil {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// startWorker starts the worker of a queue that has none. The lock is held.
func (b *Outbox) startWorker(key string, q *queue) {
	if q.working || len(q.entries) == 0 || b.running == nil || b.running.Err() != nil {
		return
	}
	q.working = true
	ctx := b.running
	b.workers.Go(func() { b.work(ctx, key, q) })
}

// work sends the deliveries of one queue until there are none.
func (b *Outbox) work(ctx context.Context, key string, q *queue) {
	for {
		e, ok := b.head(ctx, key, q)
		if !ok {
			return
		}
		b.deliver(ctx, key, q, e)
	}
}

// head returns the next entry; without one it retires the worker, and the queue
// with it.
func (b *Outbox) head(ctx context.Context, key string, q *queue) (entry, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(q.entries) > 0 && ctx.Err() == nil {
		return q.entries[0], true
	}
	q.working = false
	if len(q.entries) == 0 {
		delete(b.queues, key)
	}
	return entry{}, false
}

// deliver tries one record until it is taken, given up or dropped, or the
// context ends.
func (b *Outbox) deliver(ctx context.Context, key string, q *queue, e entry) {
	for attempt := 1; b.waits(q, e); attempt++ {
		record, _, err := b.read(e.seq)
		if errors.Is(err, errDamaged) || errors.Is(err, fs.ErrNotExist) {
			b.discard(key, e, err)
			return
		}
		if err == nil {
			err = b.attempt(ctx, record)
		}
		if err != nil && ctx.Err() != nil {
			return
		}
		if b.finish(key, e, record, err) {
			return
		}
		if attempt == quickRetries+1 {
			b.options.Trouble(record, err)
		}
		b.pause(ctx, q, attempt, provider.PauseOf(err))
		if ctx.Err() != nil {
			return
		}
	}
}

// discard ends a delivery whose file is damaged or gone.
func (b *Outbox) discard(key string, e entry, cause error) {
	b.mu.Lock()
	waited := b.forget(key, e)
	b.mu.Unlock()
	if waited {
		b.setAside(e.seq, cause)
	}
}

// waits reports whether the entry is still the next of its queue; it is not when
// it was dropped for want of room.
func (b *Outbox) waits(q *queue, e entry) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(q.entries) > 0 && q.entries[0].seq == e.seq
}

// attempt calls Send. A panic is an error like any other: one delivery that makes
// Send panic must not end the process, and with it all others.
func (b *Outbox) attempt(ctx context.Context, r Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = provider.Final(fmt.Errorf("sending panicked: %T", p))
		}
	}()
	return b.options.Send(ctx, r)
}

// finish ends a delivery that was taken or is given up after the last attempt, and
// reports whether it did.
func (b *Outbox) finish(key string, e entry, r Record, failure error) bool {
	if failure == nil {
		if err := b.disk.Remove(name(e.seq, recordSuffix)); err != nil {
			b.options.Log.Error(err, "removing a delivery that was sent; it is sent again after a restart", "id", e.id)
		}
		b.done(key, e, func(s *Stats) { s.Sent++ })
		return true
	}
	b.mu.Lock()
	b.stats.Failed++
	b.mu.Unlock()
	if !provider.IsFinal(failure) && b.options.Clock.Since(e.stored) < b.options.MaxAge {
		b.options.Log.V(1).Info("delivering, trying again", "queue", key, "id", e.id, "error", failure.Error())
		return false
	}
	b.giveUp(key, e, r, failure)
	return true
}

func (b *Outbox) done(key string, e entry, count func(*Stats)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.forget(key, e) {
		count(&b.stats)
	}
}

// giveUp turns a record into a dead letter. The letter is there before the record
// goes, and where both are found the letter counts.
func (b *Outbox) giveUp(key string, e entry, r Record, cause error) {
	r.Reason = cause.Error()
	data, err := r.encode()
	if err == nil {
		err = b.publish(e.seq, deadSuffix, data)
	}
	if err == nil {
		err = b.disk.Sync()
	}
	if err == nil {
		err = b.disk.Remove(name(e.seq, recordSuffix))
	}
	if err != nil {
		b.options.Log.Error(err, "keeping a dead letter", "id", e.id)
	}
	b.mu.Lock()
	b.dead = append(b.dead, entry{seq: e.seq, id: e.id, size: onDisk(len(data))})
	b.mu.Unlock()
	b.done(key, e, func(s *Stats) { s.Dead++ })
	b.pruneDead()
	b.options.Dead(r, cause)
}

// pruneDead removes the oldest dead letters while there are too many.
func (b *Outbox) pruneDead() {
	b.mu.Lock()
	var bytes int64
	for _, e := range b.dead {
		bytes += e.size
	}
	var gone []entry
	for len(b.dead) > 0 && (len(b.dead) > maxDead || bytes > b.options.MaxBytes/deadShare) {
		bytes -= b.dead[0].size
		gone = append(gone, b.dead[0])
		b.dead = b.dead[1:]
	}
	b.mu.Unlock()
	for _, e := range gone {
		_ = b.disk.Remove(name(e.seq, deadSuffix))
	}
}

// pause waits before the next attempt: longer each time, spread, and at least as
// long as the far side asked for.
func (b *Outbox) pause(ctx context.Context, q *queue, attempt int, after time.Duration) {
	d := max(b.options.Jitter(backoff(attempt)), min(after, maxAfter))
	timer := b.options.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-timer.C():
	}
}

// backoff is the pause after the given attempt.
func backoff(attempt int) time.Duration {
	if attempt <= quickRetries {
		return min(firstPause<<(attempt-1), quickPause)
	}
	if attempt > quickRetries+4 {
		return maxPause
	}
	return min(quickPause<<(attempt-quickRetries), maxPause)
}

// DeadLetters returns the dead letters that can be read, oldest first.
func (b *Outbox) DeadLetters() []Record {
	b.mu.Lock()
	dead := append([]entry(nil), b.dead...)
	b.mu.Unlock()
	var out []Record
	for _, e := range dead {
		data, err := b.disk.Read(name(e.seq, deadSuffix))
		if err != nil {
			continue
		}
		if r, err := decode(data); err == nil {
			out = append(out, r)
		}
	}
	return out
}
