// Package inflight bounds the requests in flight to what a server takes.
package inflight

import (
	"context"
	"net/http"
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
	// backOffEvery is the shortest time between two halvings: the refusals of one
	// burst are one message.
	backOffEvery = time.Second
)

// Limiter bounds the requests in flight to what the server takes: it admits one
// more for every round that goes well and half as many when the server asks for
// less.
type Limiter struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	limit    float64
	highest  float64
	inFlight int
	halved   time.Time
	waiting  []chan struct{}
}

// New returns a limiter that never admits more than highest.
func New(highest int, clk clock.PassiveClock) *Limiter {
	top := max(float64(highest), 1)
	return &Limiter{clock: clk, limit: min(first, top), highest: top}
}

// Limit returns how many requests are admitted at present.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}

// Acquire waits until a request may begin. Who waits longest begins first.
func (l *Limiter) Acquire(ctx context.Context) error {
	l.mu.Lock()
	if len(l.waiting) == 0 && l.inFlight < int(l.limit) {
		l.inFlight++
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.abandon(turn)
		return ctx.Err()
	}
}

// abandon takes a waiter out of the line. One whose turn has come in the
// meantime hands it on.
func (l *Limiter) abandon(turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return
		}
	}
	l.inFlight--
	l.admit()
}

// Release ends a request that came to err.
func (l *Limiter) Release(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	if apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) {
		l.halve()
	} else if err == nil {
		l.limit = min(l.limit+1/l.limit, l.highest)
	}
	l.admit()
}

func (l *Limiter) halve() {
	now := l.clock.Now()
	if now.Sub(l.halved) < backOffEvery {
		return
	}
	l.halved = now
	l.limit = max(l.limit/2, 1)
}

func (l *Limiter) admit() {
	for len(l.waiting) > 0 && l.inFlight < int(l.limit) {
		l.inFlight++
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
	}
}

// Wrap lets the limiter see refusals that the client library handles by itself:
// it repeats a request that was answered with 429 before anyone above hears of
// it.
func (l *Limiter) Wrap(next http.RoundTripper) http.RoundTripper {
	return observer{limiter: l, next: next}
}

type observer struct {
	limiter *Limiter
	next    http.RoundTripper
}

// RoundTrip makes the request and notes a refusal.
func (o observer) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := o.next.RoundTrip(r)
	if err == nil && answer.StatusCode == http.StatusTooManyRequests {
		o.limiter.mu.Lock()
		o.limiter.halve()
		o.limiter.mu.Unlock()
	}
	return answer, err
}
