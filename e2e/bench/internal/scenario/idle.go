package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	// idleInterval is that of all units, and idleIntervals how many of them are watched.
	idleInterval  = time.Minute
	idleIntervals = 3
	// leastInterval is the interval of a smaller trial.
	leastInterval = 10 * time.Second
	// churnEvery says that every tenth Deployment reports its status, and churnInterval how often.
	churnEvery    = 10
	churnInterval = time.Second
	// cpuResolution is that of the process table, in seconds.
	cpuResolution = 0.01
)

func idleMinutes(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	interval := max(leastInterval, min(idleInterval, time.Duration(float64(idleInterval)*float64(r.Lab.Scale))))
	still, err := r.WatchTicks(ctx, "still", interval, idleIntervals*interval, nil)
	if err != nil {
		return nil, err
	}
	writes := 0
	churned, err := r.WatchTicks(ctx, "churn", interval, idleIntervals*interval, func(ctx context.Context) error {
		return churnStatus(ctx, r, &writes)
	})
	if err != nil {
		return nil, err
	}
	times := churned.CPU() / max(still.CPU(), cpuResolution)
	return []report.Step{
		{Name: "still", Use: still, Figures: idleFigures(still)},
		{Name: "status churn", Use: churned, Figures: append(idleFigures(churned),
			report.Of("status writes by others", float64(writes), ""),
			report.AtMost("CPU compared with stillness", times, "times", churnTimes))},
	}, nil
}

func idleFigures(use meter.Use) []report.Figure {
	return []report.Figure{
		report.AtMost("requests", float64(use.Total()), "", quiet),
		report.Of("ticks of units", float64(use.Passes["kustomization"]), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
	}
}

// churnStatus writes to the status of every tenth Deployment until the context ends. Writes is read after that.
func churnStatus(ctx context.Context, r *rig.Rig, writes *int) error {
	var units []fleet.Unit
	for i := 0; i < len(r.Fleet.Units); i += churnEvery {
		units = append(units, r.Fleet.Units[i])
	}
	ticker := time.NewTicker(churnInterval)
	defer ticker.Stop()
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for _, u := range units {
			if err := r.Fleet.Churn(ctx, u, fmt.Sprintf("round %d", round)); err != nil {
				if ctx.Err() != nil {
					return nil // The window has closed under the request.
				}
				return err
			}
			*writes++
		}
	}
}
