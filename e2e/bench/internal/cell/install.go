package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

func install(ctx context.Context, b *Bench) ([]report.Step, error) {
	var wall time.Duration
	use, err := b.measure(ctx, "units", 20*time.Second, func(ctx context.Context) error {
		began := time.Now()
		if err := b.Fleet.Create(ctx); err != nil {
			return err
		}
		at, err := b.Fleet.AwaitReady(ctx)
		wall = at.Sub(began)
		return err
	})
	b.installed = err == nil
	return []report.Step{{Name: "units", Use: use, Figures: []report.Figure{
		report.AtMost("until all are ready", milliseconds(wall), "ms", installWall),
		report.AtMost("requests", float64(use.Total()), "", installRequests),
		report.AtMost("CPU of the controllers", use.CPU(), "s", installCPU),
		report.AtMost("peak memory of source + kustomize", use.Peak(), "MiB", memory),
	}}}, err
}
