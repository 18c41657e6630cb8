package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

func noop(ctx context.Context, b *Bench) ([]report.Step, error) {
	var wall time.Duration
	use, err := b.measure(ctx, "requested", 4*time.Second, func(ctx context.Context) error {
		began := time.Now()
		token, err := b.Fleet.Request(ctx)
		if err != nil {
			return err
		}
		at, err := b.Fleet.AwaitHandled(ctx, token)
		wall = at.Sub(began)
		return err
	})
	return []report.Step{{Name: "requested", Use: use, Figures: []report.Figure{
		report.AtMost("until all have answered", milliseconds(wall), "ms", noopWall),
		report.AtMost("requests", float64(use.Total()), "", noopRequests),
		report.AtMost("CPU of the controllers", use.CPU(), "s", noopCPU),
		report.AtMost("peak memory of source + kustomize", use.Peak(), "MiB", memory),
	}}}, err
}
