package inflight

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
)

const (
	// first is the number of requests a limiter begins with.
	first = 16
	// Default bounds the requests in flight where nobody said otherwise.
	Default = 64
	// fewest is as far as slow answers alone take the limit down.
	fewest = 4
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
	// steady leaves the limit alone whatever the latency of answers is.
	steady  bool
	latency latency
	line    line
}

// New returns a limiter that never admits more than highest.
func New(highest int, clk clock.PassiveClock) *Limiter {
	top := max(float64(highest), 1)
	return &Limiter{clock: clk, limit: min(first, top), highest: top, latency: newLatency()}
}

// NewSteady returns a limiter that does not learn from the latency of answers: it
// begins with highest and stays there. A refusal still halves the limit, which good
// answers then bring back, one for each round of them.
func NewSteady(highest int, clk clock.PassiveClock) *Limiter {
	l := New(highest, clk)
	l.limit, l.steady = l.highest, true
	return l
}

// Limit returns how many requests are admitted at present.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}

// Slot is the right to make one request.
type Slot struct {
	limiter *Limiter
	request Request
	began   time.Time
}

// Begin waits until a request may be made. The flow of the context says who it is
// made for.
func (l *Limiter) Begin(ctx context.Context, r Request) (*Slot, error) {
	l.mu.Lock()
	if l.line.empty() && l.inFlight < int(l.limit) {
		l.inFlight++
		l.mu.Unlock()
		return &Slot{limiter: l, request: r, began: l.clock.Now()}, nil
	}
	w := l.line.join(flowOf(ctx))
	l.mu.Unlock()
	select {
	case <-w.turn:
		return &Slot{limiter: l, request: r, began: l.clock.Now()}, nil
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
	switch now := l.clock.Now(); {
	case refused(err):
		l.halve(now)
	case err == nil:
		l.learn(s.request, now.Sub(s.began), now)
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

// learn takes a good answer into account. The limit grows by one for every round
// of good answers, as long as it is what holds requests back, and moves down when
// a window of answers was slow.
func (l *Limiter) learn(r Request, took time.Duration, now time.Time) {
	busy := !l.line.empty() || l.inFlight >= int(l.limit)
	if l.steady {
		l.grow(busy)
		return
	}
	slowness, closed := l.latency.observe(r, took, now)
	if closed && busy && slowness > tolerated {
		least := min(fewest, l.highest)
		if int(l.limit) <= int(least) {
			// So few requests do not wait for each other: this is how long they take now.
			l.latency.forget()
			return
		}
		l.limit = min(l.limit, max(shrunk(l.limit, slowness), least))
		return
	}
	l.grow(busy && l.latency.last <= tolerated)
}

// grow raises the limit by the share of one good answer, if it is what holds requests
// back.
func (l *Limiter) grow(held bool) {
	if held {
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
