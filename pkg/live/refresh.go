package live

import (
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ErrNotStarted is the answer to a refresh of a table that does not run.
var ErrNotStarted = errors.New("refreshing the live table: it is not running")

// refresher shares the lists of a kind among all who ask for one.
type refresher struct {
	// started is when the latest list began, done the start of the latest list
	// that was taken in.
	started, done time.Time
	running       bool
	waiting       []*request
}

// request is a refresh of several kinds that someone waits for.
type request struct {
	since time.Time
	open  int
	errs  []error
	done  func(error)
}

// answer notes the end of one kind and returns the call to make when it was the
// last.
func (r *request) answer(err error) func() {
	r.open--
	if err != nil {
		r.errs = append(r.errs, err)
	}
	if r.open > 0 {
		return nil
	}
	return func() { r.done(errors.Join(r.errs...)) }
}

// Refresh compares kinds with the ledgers as they are now: by a consistent list
// that began at since or later, shared by all who ask for one at that moment. It
// returns at once; done is called when the last kind has been taken in, with the
// errors of those that could not be listed. A kind that no unit owns objects of
// has nothing to be compared with and is passed over.
func (t *Table) Refresh(kinds []schema.GroupKind, since time.Time, done func(error)) {
	r := &request{since: since, open: 1, done: done}
	var call func()
	t.locked(func() {
		if t.ctx == nil || t.ctx.Err() != nil {
			call = r.answer(ErrNotStarted)
			return
		}
		for _, gk := range kinds {
			k, ok := t.kinds[gk]
			if !ok || !k.refresh.done.IsZero() && !k.refresh.done.Before(since) {
				continue
			}
			r.open++
			k.refresh.waiting = append(k.refresh.waiting, r)
			if !k.refresh.running {
				k.refresh.running = true
				t.group.Go(func() { t.refreshKind(k) })
			}
		}
		call = r.answer(nil)
	})
	if call != nil {
		call()
	}
}

// refreshKind lists a kind until nobody waits for it any more.
func (t *Table) refreshKind(k *kind) {
	for {
		t.space(k)
		start := t.opts.Clock.Now()
		err := t.refreshOnce(k)
		var calls []func()
		again := false
		t.locked(func() {
			var later []*request
			for _, r := range k.refresh.waiting {
				if t.ctx.Err() == nil && start.Before(r.since) {
					later = append(later, r)
				} else if call := r.answer(err); call != nil {
					calls = append(calls, call)
				}
			}
			k.refresh.waiting = later
			again = len(later) > 0
			k.refresh.running = again
		})
		for _, call := range calls {
			call()
		}
		if !again {
			return
		}
	}
}

// space keeps the starts of lists of one kind apart.
func (t *Table) space(k *kind) {
	t.mu.Lock()
	ctx, last := t.ctx, k.refresh.started
	t.mu.Unlock()
	rest := t.opts.ListSpacing - t.opts.Clock.Since(last)
	if rest <= 0 || last.IsZero() {
		return
	}
	timer := t.opts.Clock.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

func (t *Table) refreshOnce(k *kind) error {
	gvr, err := t.resource(k.gk)
	if err != nil {
		return err
	}
	l, err := t.list(t.ctx, k, gvr)
	if err != nil {
		return err
	}
	t.locked(func() { t.replace(k, l) })
	return nil
}
