package mechanism

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/cell"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// act is what is done in a world without units.
type act func(context.Context, *rig.Rig) ([]report.Step, error)

// worlds returns a cell that does the same with a gate and without it, each time in a new world of a shape.
func worlds(gate string, shape fleet.Shape, do act) act {
	return func(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
		return compare(ctx, switched(gate), func(ctx context.Context, v variant) (steps []report.Step, err error) {
			setup := shaped(shape)(r.Lab.Scale)
			setup.Without = v.gates
			own, err := r.Lab.Open(ctx, setup)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, own.Close()) }()
			return do(ctx, own)
		})
	}
}

func installAndEdit(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	steps, err := cell.Install(ctx, r)
	if err != nil {
		return nil, err
	}
	burst, err := editAtOnce(ctx, r, r.Some(0, rig.Edits))
	return append(steps, burst), err
}

func edit(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	if _, _, err := r.Install(ctx); err != nil {
		return nil, err
	}
	steps, err := cell.Drift(ctx, r)
	if err != nil {
		return nil, err
	}
	burst, err := editAtOnce(ctx, r, r.Some(rig.Edits, rig.Edits))
	return append(steps, burst), err
}

// editAtOnce edits an object of each of these units at the same time.
func editAtOnce(ctx context.Context, r *rig.Rig, edited []fleet.Unit) (report.Step, error) {
	var mu sync.Mutex
	var latencies []time.Duration
	use, err := r.Measure(ctx, "at once", 3*time.Second, func(ctx context.Context) error {
		return fleet.Each(ctx, len(edited), len(edited), func(ctx context.Context, i int) error {
			latency, err := r.CorrectValue(ctx, edited[i], fmt.Sprintf("at-once-%d", i))
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, latency)
			return err
		})
	})
	return report.Step{Name: "edits at once", Use: use, Figures: append(rig.Latencies("corrected", latencies, rig.DriftLatency),
		report.Of("corrected, the last", rig.Milliseconds(rig.Percentile(latencies, 100)), "ms"),
		report.Of("requests", float64(use.Total()), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
	)}, err
}
