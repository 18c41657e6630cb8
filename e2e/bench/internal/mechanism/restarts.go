package mechanism

import (
	"context"
	"fmt"
	"maps"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/cell"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// lists has all units ask for the lists of the same kinds. The controllers are started anew for each trial, in one world.
func lists(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	return restarted(ctx, r, switched(coalesceLists), func(ctx context.Context) ([]report.Step, error) {
		return cell.Noop(ctx, r)
	})
}

// watches has every unit take a value from a ConfigMap of its own, which are many names.
func watches(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	if err := offer(ctx, r); err != nil {
		return nil, err
	}
	if _, _, err := r.Install(ctx); err != nil {
		return nil, err
	}
	return restarted(ctx, r, switched(widenNamedWatches), func(ctx context.Context) ([]report.Step, error) {
		return cell.Noop(ctx, r)
	})
}

// restarted compares variants in one world: both controllers are killed and started again for each trial, which is its first
// step.
func restarted(ctx context.Context, r *rig.Rig, variants []variant, do func(context.Context) ([]report.Step, error)) ([]report.Step, error) {
	return compare(ctx, variants, func(ctx context.Context, v variant) ([]report.Step, error) {
		if err := r.TurnOff(v.gates); err != nil {
			return nil, err
		}
		steps, err := cell.Restart(ctx, r)
		if err != nil {
			return nil, err
		}
		for i := range steps {
			steps[i].Figures = append(steps[i].Figures, report.Of("watches", float64(steps[i].Use.Watches), ""))
		}
		if err := r.AwaitIdle(ctx); err != nil {
			return nil, err
		}
		done, err := do(ctx)
		return append(steps, done...), err
	})
}

// offer makes a ConfigMap for every unit, from which it takes a value.
func offer(ctx context.Context, r *rig.Rig) error {
	files := map[string]string{}
	for i := range r.Fleet.Units {
		own := fleet.Variables{Kind: "ConfigMap", Name: fmt.Sprintf("config%04d", i)}
		if err := r.Fleet.Offer(ctx, own, own.Name); err != nil {
			return err
		}
		uses, err := r.Fleet.Units[i].Substitute([]fleet.Variables{own})
		if err != nil {
			return err
		}
		maps.Copy(files, uses)
	}
	return r.Fleet.Publish(ctx, files)
}
