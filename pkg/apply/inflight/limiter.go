package inflight

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
)

const (
	// Default bounds the requests in flight where nobody said otherwise.
	Default = 64
	// backOffEvery is the shortest time between two halvings: the refusals of one
	// burst are one message.
	backOffEvery = time.Second
)

// Limiter bounds the requests in flight to what the server takes.
type Limiter struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	limit    float64
	highest  float64
	inFlight int
	halved   time.Time
	line     line
}

// New returns a limiter that admits as many as highest. A refusal halves that, and good
// answers bring it back, one for each round of them.
func New(highest int, clk clock.PassiveClock) *Limiter {
	top := max(float64(highest), 1)
	return &Limiter{clock: clk, limit: top, highest: top}
}

// Slot is the right to make one request.
type Slot struct {
	limiter *Limiter
}

// Begin waits until a request may be made. The flow of the context says who it is
// made for.
func (l *Limiter) Begin(ctx context.Context) (*Slot, error) {
	l.mu.Lock()
	if l.line.empty() && l.inFlight < int(l.limit) {
		l.inFlight++
		l.mu.Unlock()
		return &Slot{limiter: l}, nil
	}
	w := l.line.join(flowOf(ctx))
	l.mu.Unlock()
	select {
	case <-w.turn:
		return &Slot{limiter: l}, nil
	case <-ctx.Done():
		l.abandon(w)
		return nil, ctx.Err()
	}
}

// abandon takes a waiter out of the line. One whose turn has come in the
// meantime hands it on.
func (l *Limiter) abandon(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.line.leave(w) {
		l.inFlight--
		l.admit()
	}
}

// End gives the slot up with what the request came to. It is called once.
func (s *Slot) End(err error) {
	l := s.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case refused(err):
		l.halve(l.clock.Now())
	case err == nil:
		l.grow()
	}
	l.inFlight--
	l.admit()
}

// refused reports that the server asked for less.
func refused(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err)
}

// halve takes the limit down after a refusal.
func (l *Limiter) halve(now time.Time) {
	if now.Sub(l.halved) < backOffEvery {
		return
	}
	l.halved = now
	l.limit = max(l.limit/2, 1)
}

// grow raises the limit by the share of one good answer, if the limit is what holds
// requests back: by one for every round of good answers.
func (l *Limiter) grow() {
	if !l.line.empty() || l.inFlight >= int(l.limit) {
		l.limit = min(l.limit+1/l.limit, l.highest)
	}
}

// admit lets waiters begin while there is room.
func (l *Limiter) admit() {
	for l.inFlight < int(l.limit) {
		w := l.line.next()
		if w == nil {
			return
		}
		l.inFlight++
		close(w.turn)
	}
}
