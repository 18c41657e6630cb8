package scenario

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	// failing is how many units never become healthy.
	failing = 30
	// neighbourCommits is how often a healthy unit is changed, before and meanwhile.
	neighbourCommits = 20
)

func failingNeighbours(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	n := min(r.Lab.Scale.Of(failing), len(r.Fleet.Units)-1)
	sick, healthy := r.Fleet.Units[:n], r.Fleet.Units[n:]
	before, err := neighbourSeries(ctx, r, "all healthy", healthy)
	if err != nil {
		return nil, err
	}
	if err := sicken(ctx, r, sick); err != nil {
		return nil, err
	}
	beside, err := neighbourSeries(ctx, r, fmt.Sprintf("%d never healthy", n), healthy)
	if err != nil {
		return nil, err
	}
	step := beside.step()
	for _, p := range []int{50, 99} {
		step.Figures = append(step.Figures, report.AtMost(fmt.Sprintf("until applied, compared, p%d", p),
			ratio(beside.applied, before.applied, p), "times", neighbourTimes))
	}
	step.Figures = append(step.Figures, report.AtMost("until the healthy report it, compared, p50",
		ratio(beside.all, before.all, 50), "times", neighbourTimes))
	return []report.Step{before.step(), step}, nil
}

func ratio(a, b []time.Duration, p int) float64 {
	return rig.Percentile(a, p).Seconds() / max(rig.Percentile(b, p), time.Millisecond).Seconds()
}

// sicken gives units a pod that no node takes and waits until all of them wait for it.
func sicken(ctx context.Context, r *rig.Rig, units []fleet.Unit) error {
	files := map[string]string{}
	for _, u := range units {
		path, text, err := u.Stuck()
		if err != nil {
			return err
		}
		maps.Copy(files, map[string]string{path: text})
	}
	revision, err := r.Fleet.CommitFiles(ctx, units[0].Source, files)
	if err != nil {
		return err
	}
	if err := r.Fleet.Pull(ctx); err != nil {
		return err
	}
	_, err = r.Fleet.AwaitUnits(ctx, units, "wait for what never becomes healthy", func(s fleet.State) bool {
		return s.Status.LastAttemptedRevision == revision && s.Condition("Ready").Status != "True"
	})
	return err
}

// neighbours are commits to healthy units.
type neighbours struct {
	name         string
	applied, all []time.Duration
	use          meter.Use
}

func neighbourSeries(ctx context.Context, r *rig.Rig, name string, healthy []fleet.Unit) (neighbours, error) {
	series := neighbours{name: name}
	use, err := r.Measure(ctx, name, 10*time.Second, func(ctx context.Context) error {
		for i := range neighbourCommits {
			unit := healthy[r.Random.IntN(len(healthy))]
			took, err := r.Commit(ctx, unit, fmt.Sprintf("%s %d", name, i), healthy)
			if err != nil {
				return err
			}
			series.applied, series.all = append(series.applied, took.Applied), append(series.all, took.All)
		}
		return nil
	})
	series.use = use
	return series, err
}

func (n neighbours) step() report.Step {
	return report.Step{Name: n.name, Use: n.use, Figures: append(append(
		rig.Latencies("until applied", n.applied, commitApplied),
		rig.Latencies("until the healthy report it", n.all, commitAll)...),
		report.Of("requests per commit", float64(n.use.Total())/neighbourCommits, "each"),
		report.Of("CPU of the controllers per commit", n.use.CPU()/neighbourCommits, "s"),
	)}
}
