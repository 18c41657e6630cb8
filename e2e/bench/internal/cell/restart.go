package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/world"
)

func restart(ctx context.Context, b *Bench) ([]report.Step, error) {
	busy, use, err := b.killAndStart(ctx, "killed", func() error { return nil })
	return []report.Step{{Name: "killed", Use: use, Figures: []report.Figure{
		report.AtMost("busy", milliseconds(busy), "ms", restartBusy),
		report.AtMost("requests", float64(use.Total()), "", restartRequests),
		report.AtMost("CPU of the controllers", use.CPU(), "s", restartCPU),
		report.AtMost("peak memory of source + kustomize", use.Peak(), "MiB", memory),
	}}}, err
}

// killAndStart kills both controllers, does something in between and starts them one after the other. It returns how long it took
// from the start until the last request or work.
func (b *Bench) killAndStart(ctx context.Context, step string, between func() error) (time.Duration, meter.Use, error) {
	window, err := b.Meter.Begin(ctx)
	if err != nil {
		return 0, meter.Use{}, err
	}
	controllers := []world.Controller{world.Source, world.Kustomize}
	for _, c := range controllers {
		if err := b.World.Kill(c); err != nil {
			return 0, meter.Use{}, err
		}
	}
	if err := between(); err != nil {
		return 0, meter.Use{}, err
	}
	began := time.Now()
	for _, c := range controllers {
		if err := b.World.Restart(ctx, c); err != nil {
			return 0, meter.Use{}, err
		}
	}
	profiled := b.profile(ctx, step, 4*time.Second)
	last, err := b.Meter.Settle(ctx)
	if err != nil {
		return 0, meter.Use{}, err
	}
	if err := <-profiled; err != nil {
		return 0, meter.Use{}, err
	}
	use, err := window.End(ctx)
	return last.Sub(began), use, err
}
