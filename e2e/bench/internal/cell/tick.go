package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	// tickInterval is short enough for every unit to tick within the window, jitter included.
	tickInterval = 20 * time.Second
	tickWindow   = 25 * time.Second
)

func tick(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	use, err := r.WatchTicks(ctx, "interval", tickInterval, tickWindow, nil)
	return []report.Step{{Name: "interval", Use: use, Figures: []report.Figure{
		report.AtMost("requests", float64(use.Total()), "", tickRequests),
		report.Of("ticks of units", float64(use.Passes["kustomization"]), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
	}}}, err
}
