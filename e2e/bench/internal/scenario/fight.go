package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	// rogueInterval and rogueWrites are what the rogue writer does: ten writes a second for twenty seconds.
	rogueInterval = 100 * time.Millisecond
	rogueWrites   = 200
	// bystanders are edited meanwhile, one after another, to see whether the fight starves them.
	bystanders = 20
)

// fight has one writer flip a field all the time while objects of other units drift once each.
func fight(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	victim := r.Last(0)
	var latencies []time.Duration
	use, err := r.Measure(ctx, "rogue", 20*time.Second, func(ctx context.Context) error {
		rogue := make(chan error, 1)
		go func() { rogue <- flip(ctx, r, victim) }()
		var others error
		for i, unit := range r.Some(rig.Edits, bystanders) {
			latency, err := r.CorrectValue(ctx, unit, fmt.Sprintf("bystander-%d", i))
			latencies, others = append(latencies, latency), errors.Join(others, err)
		}
		return errors.Join(others, <-rogue)
	})
	if err != nil {
		return nil, err
	}
	applied := use.Of("patch configmaps")
	row, _ := r.Fleet.Tables.Units.Get(fleet.UnitKey(victim))
	return []report.Step{{Name: "rogue", Use: use, Figures: []report.Figure{
		report.Of("writes of the rogue", rogueWrites, ""),
		report.Of("corrections of its object", float64(applied-len(latencies)), ""),
		report.Of("requests", float64(use.Total()), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
		report.Of("others corrected, p50", rig.Milliseconds(rig.Percentile(latencies, 50)), "ms"),
		report.AtMost("others corrected, p99", rig.Milliseconds(rig.Percentile(latencies, 99)), "ms", rig.DriftLatency),
		report.Of("reported by a condition (1 is yes)", reported(row), ""),
	}}}, nil
}

// reported is 1 if the unit says that somebody else writes what it owns.
func reported(row fleet.State) float64 {
	if row.Condition("Drifted").Status == "True" {
		return 1
	}
	return 0
}

func flip(ctx context.Context, r *rig.Rig, victim fleet.Unit) error {
	ticker := time.NewTicker(rogueInterval)
	defer ticker.Stop()
	for i := range rogueWrites {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if _, err := r.Fleet.EditValue(ctx, victim, fmt.Sprintf("rogue-%d", i)); err != nil {
				return err
			}
		}
	}
	return nil
}
