package cell

import (
	"context"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

const (
	// tickInterval is short enough for every unit to tick within the window, jitter included.
	tickInterval = 20 * time.Second
	tickWindow   = 25 * time.Second
)

func tick(ctx context.Context, b *Bench) ([]report.Step, error) {
	use, err := b.watchTicks(ctx, "interval", tickInterval, tickWindow)
	return []report.Step{{Name: "interval", Use: use, Figures: []report.Figure{
		report.AtMost("requests", float64(use.Total()), "", tickRequests),
		report.Of("ticks of units", float64(use.Passes["kustomization"]), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
	}}}, err
}

// watchTicks sets an interval, waits for rest and measures a window in which nobody does anything. The interval is set back
// afterwards.
func (b *Bench) watchTicks(ctx context.Context, step string, interval, window time.Duration) (meter.Use, error) {
	if err := b.setInterval(ctx, interval); err != nil {
		return meter.Use{}, err
	}
	opened, err := b.Meter.Begin(ctx)
	if err != nil {
		return meter.Use{}, err
	}
	profiled := b.profile(ctx, step, window)
	timer := time.NewTimer(window)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return meter.Use{}, context.Cause(ctx)
	}
	use, err := opened.End(ctx)
	if err != nil {
		return use, err
	}
	if err := <-profiled; err != nil {
		return use, err
	}
	return use, b.setInterval(ctx, fleet.RestInterval)
}

func (b *Bench) setInterval(ctx context.Context, interval time.Duration) error {
	if err := b.Fleet.SetInterval(ctx, interval); err != nil {
		return err
	}
	if _, err := b.Fleet.AwaitReady(ctx); err != nil {
		return fmt.Errorf("setting the interval: %w", err)
	}
	_, err := b.Meter.Settle(ctx)
	return err
}
