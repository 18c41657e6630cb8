package scenario

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// chain has every unit depend on the one before it, and its object carry the same value as all others: the last one is
// applied when all are.
func chain(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	units := r.Fleet.Units
	for i := range units[1:] {
		units[i+1].Spec["dependsOn"] = []any{map[string]any{"name": units[i].Name}}
	}
	wall, use, err := r.Install(ctx)
	if err != nil {
		return nil, err
	}
	steps := []report.Step{chainStep("install", "until all are ready", len(units), wall, use)}
	const value = "changed"
	files := map[string]string{}
	for _, u := range units {
		text, err := u.Config(value)
		if err != nil {
			return nil, err
		}
		maps.Copy(files, map[string]string{u.ConfigFile(): text})
	}
	revision, err := r.Fleet.CommitFiles(ctx, units[0].Source, files)
	if err != nil {
		return nil, err
	}
	wall, use, err = r.Timed(ctx, "commit", 5*time.Second, func(ctx context.Context) (time.Time, error) {
		if err := r.Fleet.Pull(ctx); err != nil {
			return time.Now(), err
		}
		return r.Fleet.AwaitRevision(ctx, units, revision)
	})
	return append(steps, chainStep("a commit that changes all", "until all report it", len(units), wall, use)), err
}

func chainStep(name, what string, links int, wall time.Duration, use meter.Use) report.Step {
	return report.Step{Name: name, Use: use, Figures: append([]report.Figure{
		report.AtMost(fmt.Sprintf("%s, %d links", what, links), rig.Milliseconds(wall), "ms", float64(links)*linkWall),
		report.Of("per link", rig.Milliseconds(wall)/float64(links), "ms"),
	}, costs(use)...)}
}
