package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// Noop asks all units to reconcile with nothing changed.
func Noop(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	wall, use, err := r.Timed(ctx, "requested", 4*time.Second, r.RequestAll)
	t := targetsOf(r)
	return []report.Step{{Name: "requested", Use: use, Figures: []report.Figure{
		report.AtMost("until all have answered", rig.Milliseconds(wall), "ms", t.grown(noopWall)),
		report.AtMost("requests", float64(use.Total()), "", t.perUnit(noopBeside)),
		report.AtMost("CPU of the controllers", use.CPU(), "s", t.grown(noopCPU)),
		t.peak(use.Peak()),
	}}}, err
}
