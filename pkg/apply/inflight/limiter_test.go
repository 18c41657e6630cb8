package inflight

import (
	"context"
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestLimiter(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
	l := New(20, clk)
	for range first {
		if err := l.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	full, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Acquire(full); !errors.Is(err, context.Canceled) {
		t.Errorf("beyond the limit: got %v", err)
	}
	busy := apierrors.NewTooManyRequests("slow down", 1)
	l.Release(busy)
	l.Release(busy)
	if got := l.Limit(); got != first/2 {
		t.Errorf("one burst of refusals: limit %d", got)
	}
	clk.Step(backOffEvery)
	l.Release(busy)
	if got := l.Limit(); got != first/4 {
		t.Errorf("after a second: limit %d", got)
	}
	for range 1000 {
		l.mu.Lock()
		l.inFlight++
		l.mu.Unlock()
		l.Release(nil)
	}
	if got := l.Limit(); got != 20 {
		t.Errorf("after many good answers: limit %d, want the highest", got)
	}
}
