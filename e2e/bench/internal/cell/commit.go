package cell

import (
	"context"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	// commits is how often a commit is repeated; medians are reported.
	commits = 9
	// Of these figures the growth of the cost is made.
	commitCell, oneFile, unread = "commit", "one file", "a file that no unit reads"
	cpuOfAll                    = "CPU of all repetitions"
)

func commit(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	var changed, nothing repetitions
	for i := range commits { // in turns, because what both have beside the change is larger than the change
		if err := changed.measure(ctx, r, fmt.Sprintf("%s-%d", oneFile, i), func(ctx context.Context) (rig.Course, error) {
			unit := r.Fleet.Units[r.Random.IntN(len(r.Fleet.Units))]
			return r.Commit(ctx, unit, fmt.Sprintf("commit-%d", i), r.Fleet.Units)
		}); err != nil {
			return nil, err
		}
		if err := nothing.measure(ctx, r, fmt.Sprintf("%s-%d", unread, i), func(ctx context.Context) (rig.Course, error) {
			return r.CommitUnread(ctx, fmt.Sprintf("unread-%d", i))
		}); err != nil {
			return nil, err
		}
	}
	return []report.Step{changed.step(oneFile, targetsOf(r)), {Name: unread, Use: nothing.use(), Figures: []report.Figure{
		report.Of("until all report it", nothing.of(all, 50), "ms"),
		report.Of(cpuOfAll, nothing.cpu(), "s"),
	}}}, nil
}

// repetitions is what several commits took.
type repetitions struct {
	courses []rig.Course
	uses    []meter.Use
}

// measure adds one commit.
func (r *repetitions) measure(ctx context.Context, on *rig.Rig, name string, once func(context.Context) (rig.Course, error)) error {
	use, err := on.Measure(ctx, name, 4*time.Second, func(ctx context.Context) error {
		took, err := once(ctx)
		r.courses = append(r.courses, took)
		return err
	})
	r.uses = append(r.uses, use)
	return err
}

func (r repetitions) use() meter.Use { return meter.Median(r.uses) }

func (r repetitions) cpu() float64 {
	total := 0.0
	for _, u := range r.uses {
		total += u.CPU()
	}
	return total
}

func published(c rig.Course) time.Duration { return c.Published }
func applied(c rig.Course) time.Duration   { return c.Applied }
func all(c rig.Course) time.Duration       { return c.All }

// of returns a percentile in milliseconds.
func (r repetitions) of(what func(rig.Course) time.Duration, percent int) float64 {
	var took []time.Duration
	for _, c := range r.courses {
		took = append(took, what(c))
	}
	return rig.Milliseconds(rig.Percentile(took, percent))
}

func (r repetitions) step(name string, t targets) report.Step {
	cpu := r.cpu()
	use := r.use()
	return report.Step{Name: name, Use: use, Figures: []report.Figure{
		report.Of("until the source has published it", r.of(published, 50), "ms"),
		report.AtMost("until applied", r.of(applied, 50), "ms", commitApplied),
		report.Of("until applied, slowest", r.of(applied, 100), "ms"),
		report.AtMost("until all report it", r.of(all, 50), "ms", t.grown(commitAll)),
		report.Of("until all report it, slowest", r.of(all, 100), "ms"),
		report.AtMost("requests, most", float64(use.Total()), "", t.perUnit(commitBeside)),
		report.AtMost("CPU of the controllers", use.CPU(), "s", t.grown(commitCPU)),
		report.Of(cpuOfAll, cpu, "s"),
		t.peak(use.Peak()),
	}}
}
