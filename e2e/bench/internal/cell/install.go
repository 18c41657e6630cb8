package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// Install creates all units.
func Install(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	wall, use, err := r.Install(ctx)
	t := targetsOf(r)
	return []report.Step{{Name: "units", Use: use, Figures: []report.Figure{
		report.AtMost("until all are ready", rig.Milliseconds(wall), "ms", t.installWork(installWall)),
		report.AtMost("requests", float64(use.Total()), "", t.installRequests()),
		report.AtMost("CPU of the controllers", use.CPU(), "s", t.installWork(installCPU)),
		t.peak(use.Peak()),
		report.Of("objects per second", float64(t.units*t.objects)/max(wall, time.Millisecond).Seconds(), "objects/s"),
	}}}, err
}

func targetsOf(r *rig.Rig) targets {
	return targets{units: len(r.Fleet.Units), objects: r.Fleet.Shape.Objects}
}
