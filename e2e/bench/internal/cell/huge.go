package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

// hugeObjects is how many objects the unit has.
const hugeObjects = 2000

func hugeUnit(ctx context.Context, b *Bench) ([]report.Step, error) {
	if err := b.Fleet.PrepareHuge(ctx, hugeObjects); err != nil {
		return nil, err
	}
	var steps []report.Step
	for _, step := range []struct {
		name   string
		length time.Duration
		act    func(context.Context) (began, done time.Time, err error)
	}{
		{"install", 15 * time.Second, b.hugeInstall},
		{"no-op", 3 * time.Second, b.hugeNoop},
		{"change one", 3 * time.Second, b.hugeChange},
	} {
		var wall time.Duration
		use, err := b.measure(ctx, step.name, step.length, func(ctx context.Context) error {
			began, done, err := step.act(ctx)
			wall = done.Sub(began)
			return err
		})
		if err != nil {
			return nil, err
		}
		steps = append(steps, hugeStep(step.name, wall, use))
	}
	return steps, nil
}

func hugeStep(name string, wall time.Duration, use meter.Use) report.Step {
	return report.Step{Name: name, Use: use, Figures: []report.Figure{
		report.Of("until done", milliseconds(wall), "ms"),
		report.Of("requests", float64(use.Total()), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
		report.Of("peak memory of source + kustomize", use.Peak(), "MiB"),
	}}
}

func (b *Bench) hugeInstall(ctx context.Context) (began, done time.Time, err error) {
	began = time.Now()
	if err := b.Fleet.CreateHuge(ctx); err != nil {
		return began, began, err
	}
	done, err = b.Fleet.AwaitHuge(ctx, "be ready", func(fleet.State) bool { return true })
	return began, done, err
}

func (b *Bench) hugeNoop(ctx context.Context) (began, done time.Time, err error) {
	began = time.Now()
	token, err := b.Fleet.RequestHuge(ctx)
	if err != nil {
		return began, began, err
	}
	done, err = b.Fleet.AwaitHuge(ctx, "handle a request", func(s fleet.State) bool {
		return s.Status.LastHandledReconcileAt == token
	})
	return began, done, err
}

func (b *Bench) hugeChange(ctx context.Context) (began, done time.Time, err error) {
	revision, err := b.Fleet.CommitHuge(ctx, hugeObjects, b.Random.IntN(hugeObjects), "changed")
	if err != nil {
		return began, done, err
	}
	began = time.Now()
	if err := b.Fleet.PullHuge(ctx); err != nil {
		return began, began, err
	}
	done, err = b.Fleet.AwaitHuge(ctx, "report "+revision, func(s fleet.State) bool {
		return s.Status.LastAppliedRevision == revision
	})
	return began, done, err
}
