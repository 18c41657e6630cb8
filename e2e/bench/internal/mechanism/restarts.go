package mechanism

import (
	"context"
	"fmt"
	"maps"
	"time"

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

const (
	// threshold is how many names a watch is widened at: from one more on.
	threshold = 16
	// crossings is how often the number of names goes up by one and down again.
	crossings = 10
)

// watches has every unit take a value from a ConfigMap of its own, which are many names, and some units from a Secret, which
// are as many as are watched one by one.
func watches(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	last := min(threshold, len(r.Fleet.Units)-1)
	if err := offer(ctx, r, last+1); err != nil {
		return nil, err
	}
	if _, _, err := r.Install(ctx); err != nil {
		return nil, err
	}
	for i := range last {
		config, secret := own(i)
		if _, err := r.Fleet.Refer(ctx, r.Fleet.Units[i], config, secret); err != nil {
			return nil, err
		}
	}
	variants := []variant{
		{name: "with"}, {name: "without hysteresis", gates: namedWatchHysteresis}, {name: "without widening", gates: widenNamedWatches},
	}
	return restarted(ctx, r, variants, func(ctx context.Context) ([]report.Step, error) {
		asked, err := cell.Noop(ctx, r)
		if err != nil {
			return nil, err
		}
		crossed, err := cross(ctx, r, last)
		return append(asked, crossed), err
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

// own are the ConfigMap and the Secret of the i-th unit.
func own(i int) (config, secret fleet.Variables) {
	return fleet.Variables{Kind: "ConfigMap", Name: fmt.Sprintf("config%04d", i)},
		fleet.Variables{Kind: "Secret", Name: fmt.Sprintf("secret%04d", i)}
}

// offer makes a ConfigMap for every unit, from which it takes a value, and a Secret for some.
func offer(ctx context.Context, r *rig.Rig, withSecret int) error {
	files := map[string]string{}
	for i := range r.Fleet.Units {
		config, secret := own(i)
		offered := []fleet.Variables{config}
		if i < withSecret {
			offered = append(offered, secret)
		}
		for _, v := range offered {
			if err := r.Fleet.Offer(ctx, v, v.Name); err != nil {
				return err
			}
		}
		uses, err := r.Fleet.Units[i].Substitute([]fleet.Variables{config})
		if err != nil {
			return err
		}
		maps.Copy(files, uses)
	}
	return r.Fleet.Publish(ctx, files)
}

// cross has a unit refer to one Secret more than are watched one by one, and not any more, again and again.
func cross(ctx context.Context, r *rig.Rig, last int) (report.Step, error) {
	config, secret := own(last)
	var latencies []time.Duration
	use, err := r.Measure(ctx, "crossings", 5*time.Second, func(ctx context.Context) error {
		for range crossings {
			for _, refs := range [][]fleet.Variables{{config, secret}, {config}} {
				began := time.Now()
				at, err := r.Fleet.Refer(ctx, r.Fleet.Units[last], refs...)
				if err != nil {
					return err
				}
				latencies = append(latencies, at.Sub(began))
			}
		}
		return nil
	})
	return report.Step{Name: "crossings", Use: use, Figures: []report.Figure{
		report.Of("until ready, p50", rig.Milliseconds(rig.Percentile(latencies, 50)), "ms"),
		report.Of("requests", float64(use.Total()), ""),
		report.Of("watches", float64(use.Watches), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
	}}, err
}
