package cell

import (
	"context"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// Restart kills both controllers and starts them again.
func Restart(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	busy, use, err := r.KillAndStart(ctx, "killed", func() error { return nil })
	t := targetsOf(r)
	return []report.Step{{Name: "killed", Use: use, Figures: []report.Figure{
		report.AtMost("busy", rig.Milliseconds(busy), "ms", t.grown(restartBusy)),
		report.AtMost("requests", float64(use.Total()), "", restartRequests),
		report.AtMost("CPU of the controllers", use.CPU(), "s", t.grown(restartCPU)),
		t.peak(use.Peak()),
	}}}, err
}
