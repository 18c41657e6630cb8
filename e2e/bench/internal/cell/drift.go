package cell

import (
	"context"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// Drift edits a hundred objects one after another.
func Drift(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	var latencies []time.Duration
	use, err := r.Measure(ctx, "edits", 10*time.Second, func(ctx context.Context) error {
		for i, unit := range r.Some(0, rig.Edits) {
			latency, err := r.CorrectValue(ctx, unit, fmt.Sprintf("edit-%d", i))
			if err != nil {
				return err
			}
			latencies = append(latencies, latency)
		}
		return nil
	})
	return []report.Step{{Name: "edits", Use: use, Figures: append(rig.Latencies("corrected", latencies, rig.DriftLatency),
		report.Of("requests per edit", float64(use.Total())/float64(max(len(latencies), 1)), "each"),
		report.Of("CPU of the controllers", use.CPU(), "s"),
		targetsOf(r).peak(use.Peak()),
	)}}, err
}
