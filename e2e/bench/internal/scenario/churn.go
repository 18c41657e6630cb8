package scenario

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// newKinds is how many kinds are defined.
const newKinds = 100

// churn defines kinds that no unit uses.
func churn(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	n := r.Lab.Scale.Of(newKinds)
	wall, use, err := r.Timed(ctx, "definitions", 10*time.Second, func(ctx context.Context) (time.Time, error) {
		err := r.Fleet.Define(ctx, "churn.example.com", n)
		return time.Now(), err
	})
	return []report.Step{{Name: "definitions", Use: use, Figures: []report.Figure{
		report.Of("definitions", float64(n), ""),
		report.Of("until all are served", rig.Milliseconds(wall), "ms"),
		report.AtMost("requests", float64(use.Total()), "", definitionRequests),
		report.AtMost("watch requests", float64(use.Watches), "", definitionRequests),
		report.Of("passes of units", float64(use.Passes["kustomization"]), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
	}}}, err
}
