package rig

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
)

// Install creates all units and returns how long it took until all were ready.
func (r *Rig) Install(ctx context.Context) (time.Duration, meter.Use, error) {
	wall, use, err := r.Timed(ctx, "units", 20*time.Second, func(ctx context.Context) (time.Time, error) {
		if err := r.Fleet.Create(ctx); err != nil {
			return time.Now(), err
		}
		return r.Fleet.AwaitReady(ctx)
	})
	r.installed = err == nil
	return wall, use, err
}

// RequestAll asks all units to reconcile and waits until all have answered.
func (r *Rig) RequestAll(ctx context.Context) (time.Time, error) {
	token, err := r.Fleet.Request(ctx)
	if err != nil {
		return time.Now(), err
	}
	return r.Fleet.AwaitHandled(ctx, token)
}

// AwaitIdle waits until the controllers are at rest.
func (r *Rig) AwaitIdle(ctx context.Context) error {
	_, err := r.Meter.AwaitIdle(ctx)
	return err
}
