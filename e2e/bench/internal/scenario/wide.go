package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	wideUnits, wideFiles = 300, 10000
	// wideShare says that every tenth unit is built on the shared base.
	wideShare = 10
	// wideRepeats is how often each commit is repeated; medians are reported.
	wideRepeats = 3
)

func wideSetup(scale rig.Scale) rig.Setup {
	units := scale.Of(wideUnits)
	return rig.Setup{Shape: fleet.Shape{Units: units, Objects: 4, Padding: scale.Of(wideFiles), SharedBy: max(1, units/wideShare)}}
}

func wide(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	one, err := wideStep(ctx, r, "one file", func(ctx context.Context, i int) (rig.Course, error) {
		return r.Commit(ctx, r.Last(i), fmt.Sprintf("wide-%d", i), r.Fleet.Units)
	})
	if err != nil {
		return nil, err
	}
	shared, err := wideStep(ctx, r, "shared base", func(ctx context.Context, i int) (rig.Course, error) {
		return r.CommitBase(ctx, fmt.Sprintf("base-%d", i))
	})
	return []report.Step{one, shared}, err
}

func wideStep(ctx context.Context, r *rig.Rig, name string, commit func(context.Context, int) (rig.Course, error)) (report.Step, error) {
	var published, applied, all []time.Duration
	use, err := r.Measure(ctx, name, 10*time.Second, func(ctx context.Context) error {
		for i := range wideRepeats {
			took, err := commit(ctx, i)
			if err != nil {
				return err
			}
			published, applied, all = append(published, took.Published), append(applied, took.Applied), append(all, took.All)
		}
		return nil
	})
	return report.Step{Name: name, Use: use, Figures: []report.Figure{
		report.Of("until the source has published it", rig.Milliseconds(rig.Percentile(published, 50)), "ms"),
		report.AtMost("until applied", rig.Milliseconds(rig.Percentile(applied, 50)), "ms", commitApplied),
		report.AtMost("until all report it", rig.Milliseconds(rig.Percentile(all, 50)), "ms", commitAll),
		report.Of("requests per commit", float64(use.Total())/wideRepeats, "each"),
		report.AtMost("CPU of the controllers per commit", use.CPU()/wideRepeats, "s", commitCPU),
		report.Of("peak memory of source + kustomize", use.Peak(), "MiB"),
	}}, err
}
