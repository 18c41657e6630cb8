package unwrap

import (
	"context"
	"errors"
	"time"
)

const (
	// attempts is how often a busy or broken service is asked.
	attempts   = 4
	firstPause = 250 * time.Millisecond
)

// errSlow ends a request that takes too long. It is not repeated: the next
// reconciliation is the better moment.
var errSlow = errors.New("the service is too slow")

// call makes a request under a deadline of its own, and again when the service is
// busy or down, with pauses that double.
func call[T any](ctx context.Context, u *Unwrapper, request func(context.Context) (T, error)) (T, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		out, err := once(ctx, u, request)
		if err == nil || attempt == attempts || !passing(err) {
			return out, err
		}
		timer := u.Clock.NewTimer(pause)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return out, context.Cause(ctx)
		}
		pause *= 2
	}
}

// once makes a request. The reason why its context ended stands in place of what
// the library made of it.
func once[T any](ctx context.Context, u *Unwrapper, request func(context.Context) (T, error)) (T, error) {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := u.Clock.NewTimer(u.Timeout)
	defer timer.Stop()
	go func() {
		select {
		case <-timer.C():
			cancel(errSlow)
		case <-within.Done():
		}
	}()
	out, err := request(within)
	if err != nil && within.Err() != nil {
		err = context.Cause(within)
	}
	return out, err
}
