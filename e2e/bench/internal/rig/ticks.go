package rig

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
)

// WatchTicks sets an interval, waits for rest and measures a window in which nothing happens but what disturb does, if it is
// not nil; its context ends with the window. The interval is set back afterwards.
func (r *Rig) WatchTicks(ctx context.Context, step string, interval, window time.Duration, disturb func(context.Context) error) (meter.Use, error) {
	if err := r.setInterval(ctx, interval); err != nil {
		return meter.Use{}, err
	}
	use, err := r.watch(ctx, step, window, disturb)
	if err != nil {
		return use, err
	}
	return use, r.setInterval(ctx, fleet.RestInterval)
}

func (r *Rig) watch(ctx context.Context, step string, length time.Duration, disturb func(context.Context) error) (meter.Use, error) {
	window, err := r.Meter.Begin(ctx)
	if err != nil {
		return meter.Use{}, err
	}
	profiled := r.Profile(ctx, step, length)
	disturbed := make(chan error, 1)
	within, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		if disturb == nil {
			disturbed <- nil
			return
		}
		disturbed <- disturb(within)
	}()
	if err := Rest(ctx, length); err != nil {
		return meter.Use{}, err
	}
	use, err := window.End(ctx)
	stop()
	if failed := <-disturbed; failed != nil && !errors.Is(failed, context.Canceled) {
		err = errors.Join(err, failed)
	}
	return use, errors.Join(err, <-profiled)
}

func (r *Rig) setInterval(ctx context.Context, interval time.Duration) error {
	if err := r.Fleet.SetInterval(ctx, interval); err != nil {
		return err
	}
	if _, err := r.Fleet.AwaitReady(ctx); err != nil {
		return fmt.Errorf("setting the interval: %w", err)
	}
	_, err := r.Meter.AwaitIdle(ctx)
	return err
}
