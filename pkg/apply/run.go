package apply

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/apply/stage"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/parallel"
)

// Run carries out tasks for a unit, stage by stage. In each stage every object
// is validated before the first is applied; a stage in which one is refused
// applies nothing, and no later stage is begun. The error names every refused
// object; the report holds what was done until then, also when there is an
// error.
//
// Package stage says what waits for what. Each further step is a file that is named as
// it is:
//
//	validate  *Task     → checked    a dry-run, and what it says about the object
//	write     checked   → written    the requests that change the object
//	wait      []written              until later stages can use what this one changed
func (a *Applier) Run(ctx context.Context, unit live.Unit, tasks []Task) (Report, error) {
	var report Report
	for _, s := range a.stages(tasks) {
		all, refused := a.validate(ctx, unit, s)
		if err := refusal.Join(refused); err != nil {
			return report, err
		}
		var stageDone []written
		for _, r := range s.Ranks {
			done, failed := each(a.workers(), all[:len(r)], func(c checked) (written, *ObjectError) {
				return a.write(flow(ctx, unit, c.Task), c)
			})
			all = all[len(r):]
			report.enter(done)
			stageDone = append(stageDone, done...)
			if len(failed) > 0 {
				return report, refusal.Join(failed)
			}
		}
		if s.Awaited {
			if err := a.wait(ctx, stageDone); err != nil {
				return report, err
			}
		}
	}
	return report, nil
}

// stages puts tasks in the order of applying.
func (a *Applier) stages(tasks []Task) []stage.Stage[*Task] {
	all := make([]*Task, len(tasks))
	for i := range tasks {
		all[i] = &tasks[i]
	}
	return stage.Order(all, func(t *Task) *unstructured.Unstructured { return t.Object }, a.opts.CustomStage)
}

// flow labels the requests for a task: units are served in turn, and what is only verified
// waits for what changes something.
func flow(ctx context.Context, unit live.Unit, t *Task) context.Context {
	f := inflight.Flow{Key: unit}
	if t.Verify {
		f.Priority = inflight.Audit
	}
	return inflight.With(ctx, f)
}

// workers is how many tasks of one run are in progress at once. There are more
// than the limiter admits requests, so that it is what decides.
func (a *Applier) workers() int {
	if a.opts.Concurrent > 0 {
		return min(a.opts.Concurrent, 2*inflight.Default)
	}
	return 2 * inflight.Default
}

// each calls f for all items, some at a time, and returns the results and what went
// wrong, both in the order of the items.
func each[T, R any](workers int, items []T, f func(T) (R, *ObjectError)) (results []R, failed []*ObjectError) {
	type answer struct {
		result R
		err    *ObjectError
	}
	for _, got := range parallel.Map(workers, items, func(item T) answer {
		result, err := f(item)
		return answer{result, err}
	}) {
		if got.err != nil {
			failed = append(failed, got.err)
			continue
		}
		results = append(results, got.result)
	}
	return results, failed
}
