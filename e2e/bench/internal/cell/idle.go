package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

func idleMinute(ctx context.Context, b *Bench) ([]report.Step, error) {
	use, err := b.watchTicks(ctx, "minute", time.Minute, time.Minute)
	return []report.Step{{Name: "minute", Use: use, Figures: []report.Figure{
		report.AtMost("requests", float64(use.Total()), "", tickRequests),
		report.Of("ticks of units", float64(use.Passes["kustomization"]), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
	}}}, err
}
