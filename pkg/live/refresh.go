package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ErrNotStarted is the answer to a refresh of a table that does not run.
var ErrNotStarted = errors.New("refreshing the live table: it is not running")

// request is a refresh of several kinds that someone waits for.
type request struct {
	mu   sync.Mutex
	open int
	errs []error
	done func(error)
}

// answer notes the end of one kind and, when it was the last, answers who waits.
func (r *request) answer(err error) {
	r.mu.Lock()
	r.open--
	if err != nil {
		r.errs = append(r.errs, err)
	}
	last := r.open == 0
	r.mu.Unlock()
	if last {
		r.done(errors.Join(r.errs...))
	}
}

// Refresh compares kinds with the ledgers as they are now: by a consistent list
// that began at since or later, shared by all who ask for one at that moment. It
// returns at once; done is called when the last kind has been taken in, with the
// errors of those that could not be listed. A kind that no unit owns objects of
// has nothing to be compared with and is passed over.
func (t *Table) Refresh(kinds []schema.GroupKind, since time.Time, done func(error)) {
	r := &request{open: len(kinds) + 1, done: done}
	var err error
	passed := 0
	t.locked(func() {
		if t.ctx == nil || t.ctx.Err() != nil {
			passed, err = len(kinds), ErrNotStarted
			return
		}
		for _, gk := range kinds {
			if !t.refresh(gk, since, r.answer) {
				passed++
			}
		}
	})
	for range passed {
		r.answer(nil)
	}
	r.answer(err)
}

// refresh asks for a list of a kind, and reports whether answer will be called.
func (t *Table) refresh(gk schema.GroupKind, since time.Time, answer func(error)) bool {
	k, ok := t.kinds[gk]
	if !ok {
		return false
	}
	fresh, run := k.lists.Ask(since, answer)
	if run {
		ctx := t.ctx
		t.group.Go(func() {
			k.lists.Run(ctx, func(ctx context.Context) error { return k.stream.Read(ctx, feed{t, k}.Begin()) })
		})
	}
	return !fresh
}
