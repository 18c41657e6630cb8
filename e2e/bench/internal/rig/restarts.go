package rig

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// KillAndStart kills both controllers, does something in between and starts them one after the other. It returns how long it
// took from the start until the last request or work.
func (r *Rig) KillAndStart(ctx context.Context, step string, between func() error) (time.Duration, meter.Use, error) {
	window, err := r.Meter.Begin(ctx)
	if err != nil {
		return 0, meter.Use{}, err
	}
	controllers := []world.Controller{world.Source, world.Kustomize}
	for _, c := range controllers {
		if err := r.World.Kill(c); err != nil {
			return 0, meter.Use{}, err
		}
	}
	if err := between(); err != nil {
		return 0, meter.Use{}, err
	}
	began := time.Now()
	for _, c := range controllers {
		if err := r.World.Restart(ctx, c); err != nil {
			return 0, meter.Use{}, err
		}
	}
	profiled := r.Profile(ctx, step, 4*time.Second)
	last, err := r.Meter.AwaitIdle(ctx)
	if err != nil {
		return 0, meter.Use{}, err
	}
	if err := <-profiled; err != nil {
		return 0, meter.Use{}, err
	}
	use, err := window.End(ctx)
	return last.Sub(began), use, err
}
