package apply

import (
	"context"
	"slices"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/apply/await"
	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/parallel"
)

// How long to wait before discovery is looked at again, at first and at most.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = 2 * time.Second
)

// Run carries out tasks for a unit, stage by stage. In each stage every object
// is validated before the first is applied; a stage in which one is refused
// applies nothing, and no later stage is begun. The error names every refused
// object; the report holds what was done until then, also when there is an
// error.
func (a *Applier) Run(ctx context.Context, unit live.Unit, tasks []Task) (Report, error) {
	var report Report
	for _, stage := range Stages(tasks, a.opts.CustomStage) {
		ranks, err := a.validate(ctx, unit, stage)
		if err != nil {
			return report, err
		}
		var applied []*job
		for _, rank := range ranks {
			failed := each(a.workers(), rank, func(j *job) *ObjectError { return a.carryOut(flow(ctx, unit, j), unit, j) })
			for _, j := range rank {
				if j.done {
					report.Results = append(report.Results, j.result)
					applied = append(applied, j)
				}
			}
			if len(failed) > 0 {
				return report, refusal.Join(failed)
			}
		}
		if stage.Awaited {
			if err := a.settle(ctx, applied); err != nil {
				return report, err
			}
		}
	}
	return report, nil
}

// flow marks the requests of a job: units take turns, and what only looks waits
// for what changes something.
func flow(ctx context.Context, unit live.Unit, j *job) context.Context {
	f := inflight.Flow{Key: unit}
	if j.Verify {
		f.Priority = inflight.Audit
	}
	return inflight.With(ctx, f)
}

// workers is how many jobs of one run are in progress at once. There are more
// than the limiter admits requests, so that it is what decides.
func (a *Applier) workers() int {
	if a.opts.Concurrent > 0 {
		return min(a.opts.Concurrent, 2*inflight.Default)
	}
	return 2 * inflight.Default
}

// each calls f for all items, some at a time, and returns what went wrong.
func each[T any](workers int, items []T, f func(T) *ObjectError) []*ObjectError {
	return slices.DeleteFunc(parallel.Map(workers, items, f), func(err *ObjectError) bool { return err == nil })
}

// settle waits until what a stage changed can be used by the next: definitions
// are established, namespaces active. What the answers already show is not asked
// for again.
func (a *Applier) settle(ctx context.Context, jobs []*job) error {
	var changed []*job
	var kinds []schema.GroupKind
	for _, j := range jobs {
		if j.result.Action != Created && j.result.Action != Configured {
			continue
		}
		changed = append(changed, j)
		if j.Object.GroupVersionKind().GroupKind() == await.Definition {
			kinds = append(kinds, definedKind(j.Object))
		}
	}
	ctx, cancel := await.Bound(ctx, a.opts.Clock)
	defer cancel()
	failed := each(a.workers(), changed, func(j *job) *ObjectError {
		if err := await.Usable(ctx, a.wire, j.at, j.answer); err != nil {
			return &ObjectError{ID: j.ID, Step: "wait", Err: err}
		}
		return nil
	})
	if len(kinds) > 0 {
		a.wire.ResetMapper()
		a.discover(ctx, kinds)
	}
	return refusal.Join(failed)
}

// discover waits until kinds that were just defined are found. Discovery lags
// behind definitions; what it has not found in time fails by itself.
func (a *Applier) discover(ctx context.Context, kinds []schema.GroupKind) {
	for _, kind := range kinds {
		for pause := firstLook; ctx.Err() == nil; pause = min(2*pause, lastLook) {
			if _, err := a.wire.Find(kind.WithVersion("")); !apimeta.IsNoMatchError(err) {
				break
			}
			timer := a.opts.Clock.NewTimer(pause)
			select {
			case <-ctx.Done():
			case <-timer.C():
			}
			timer.Stop()
		}
	}
}

// definedKind returns the kind that a definition defines.
func definedKind(obj *unstructured.Unstructured) schema.GroupKind {
	text := func(path ...string) string {
		s, _, err := unstructured.NestedString(obj.Object, path...)
		if err != nil {
			return ""
		}
		return s
	}
	return schema.GroupKind{Group: text("spec", "group"), Kind: text("spec", "names", "kind")}
}
