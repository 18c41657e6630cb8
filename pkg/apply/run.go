package apply

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
	"github.com/capstan-gitops/capstan/pkg/apply/normal"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// job is a task on its way through a stage.
type job struct {
	*Task
	at resource
	// answer is that of the dry-run; nil when none was made.
	answer *unstructured.Unstructured
	// recreate says that the object has to be deleted first.
	recreate bool
	// done says that nothing is left to be applied; result then is the outcome.
	done   bool
	result Result
}

// finish ends a job without an apply.
func (j *job) finish(action Action) {
	j.done, j.result = true, resultOf(j.Task, action)
}

// exists reports that the dry-run found the object: an object that would be
// created has no resource version yet.
func (j *job) exists() bool { return j.answer != nil && j.answer.GetResourceVersion() != "" }

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
			failed := a.each(rank, func(j *job) *ObjectError { return a.carryOut(ctx, unit, j) })
			for _, j := range rank {
				if j.done {
					report.Results = append(report.Results, j.result)
					applied = append(applied, j)
				}
			}
			if len(failed) > 0 {
				return report, join(failed)
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

// each calls f for all jobs at once; the limiter bounds how many requests are
// made of it.
func (a *Applier) each(jobs []*job, f func(*job) *ObjectError) (failed []*ObjectError) {
	var group sync.WaitGroup
	errs := make([]*ObjectError, len(jobs))
	workers := make(chan struct{}, 2*inflight.Default)
	for i, j := range jobs {
		workers <- struct{}{}
		group.Go(func() {
			errs[i] = f(j)
			<-workers
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// validate makes sure that every object of a stage will be accepted.
func (a *Applier) validate(ctx context.Context, unit live.Unit, stage Stage) ([][]*job, error) {
	ranks := make([][]*job, len(stage.Ranks))
	var all []*job
	for i, rank := range stage.Ranks {
		for _, t := range rank {
			j := &job{Task: t}
			ranks[i] = append(ranks[i], j)
			all = append(all, j)
		}
	}
	failed := a.each(all, func(j *job) *ObjectError { return a.check(ctx, unit, j, len(all) == 1) })
	return ranks, join(failed)
}

// check validates one object and notes what its policies make of it.
func (a *Applier) check(ctx context.Context, unit live.Unit, j *job, alone bool) *ObjectError {
	if j.policy().Excluded() {
		j.finish(Skipped)
		return nil
	}
	var err error
	if j.at, err = a.find(j.Object.GroupVersionKind()); err != nil {
		return objectError(j.Task, "dry-run", err)
	}
	if j.at.namespaced && j.Object.GetNamespace() == "" {
		return objectError(j.Task, "dry-run", &namespaceError{})
	}
	if alone && j.Known && !j.Verify && a.simple(j) {
		return nil
	}
	if j.policy().SSA == mark.PolicyIfNotPresent {
		err = a.checkCreation(ctx, j)
	} else {
		err = a.checkApply(ctx, unit, j)
	}
	if err != nil {
		return objectError(j.Task, "dry-run", err)
	}
	return nil
}

// simple reports that nothing about a known object has to be learned from a
// dry-run.
func (a *Applier) simple(j *job) bool {
	if j.policy().SSA == mark.PolicyIfNotPresent {
		return false
	}
	if a.opts.Table == nil {
		return true
	}
	seen, ok := a.opts.Table.Lookup(j.ID)
	return ok && !seen.Policy.Excluded() && !seen.Takeover
}

// checkCreation validates an object that is created once and then left alone.
func (a *Applier) checkCreation(ctx context.Context, j *job) error {
	_, err := a.create(ctx, j.at, j.Object, true)
	switch {
	case apierrors.IsAlreadyExists(err):
		j.finish(Skipped)
		return nil
	case err == nil && j.Verify:
		j.finish(Missing)
	}
	return err
}

// checkApply validates an apply.
func (a *Applier) checkApply(ctx context.Context, unit live.Unit, j *job) error {
	answer, err := a.apply(ctx, j.at, j.Object, true)
	if isImmutable(err) && j.forced() && !j.Verify {
		j.recreate = true
		return a.checkReplacement(ctx, j, err)
	}
	if err != nil {
		return err
	}
	j.answer = answer
	switch {
	case j.exists() && mark.PolicyOf(answer).Excluded():
		j.finish(Skipped)
	case j.Verify:
		return a.verify(ctx, unit, j)
	}
	return nil
}

// carryOut applies a validated object.
func (a *Applier) carryOut(ctx context.Context, unit live.Unit, j *job) *ObjectError {
	if j.done {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return objectError(j.Task, "apply", err)
	}
	step := "apply"
	if j.answer == nil && !j.recreate {
		// There was no dry-run: this is the object's validation, and reads as such.
		step = "dry-run"
	}
	before := a.versionBefore(j)
	answer, err := a.write(ctx, unit, j)
	if j.answer == nil && !j.recreate && isImmutable(err) && j.forced() {
		j.recreate = true
		if err = a.checkReplacement(ctx, j, err); err == nil {
			answer, err = a.write(ctx, unit, j)
		}
	}
	if apierrors.IsAlreadyExists(err) && j.policy().SSA == mark.PolicyIfNotPresent {
		j.finish(Skipped)
		return nil
	}
	if err != nil {
		return objectError(j.Task, step, err)
	}
	j.finish(actionOf(j, before, answer.GetResourceVersion()))
	j.answer = answer
	j.result.UID, j.result.Fingerprint = answer.GetUID(), a.opts.Marker.Of(answer)
	return nil
}

// actionOf tells from the versions of an object what an apply did to it.
func actionOf(j *job, before, after string) Action {
	switch {
	case before == "" && !j.recreate:
		return Created
	case before == after:
		return Unchanged
	}
	return Configured
}

// versionBefore is the resource version that the object had, empty when it did
// not exist.
func (a *Applier) versionBefore(j *job) string {
	if j.answer != nil {
		return j.answer.GetResourceVersion()
	}
	if j.Known && a.opts.Table != nil {
		if seen, ok := a.opts.Table.Lookup(j.ID); ok {
			return seen.ResourceVersion
		}
	}
	if j.Known {
		return "unknown"
	}
	return ""
}

// write makes the requests that change the object.
func (a *Applier) write(ctx context.Context, unit live.Unit, j *job) (answer *unstructured.Unstructured, err error) {
	if a.opts.Table != nil {
		done := a.opts.Table.Applying(unit, j.ID)
		defer func() { done(answer, err) }()
	}
	switch {
	case j.policy().SSA == mark.PolicyIfNotPresent:
		return a.create(ctx, j.at, j.Object, false)
	case j.recreate:
		if err := a.clear(ctx, j); err != nil {
			return nil, err
		}
	case j.exists() && takesOver(j, j.answer):
		if err := a.takeOver(ctx, j, j.answer); err != nil {
			return nil, err
		}
	}
	answer, err = a.apply(ctx, j.at, j.Object, false)
	if err != nil || !takesOver(j, answer) || !a.opts.Marker.TakeoverDue(a.opts.Takeover, answer) {
		return answer, err
	}
	// The first apply to an object without managed fields leaves them all to a
	// manager of the server's making, whose fields are ours as well.
	if err := a.takeOver(ctx, j, answer); err != nil {
		return nil, err
	}
	return a.apply(ctx, j.at, j.Object, false)
}

// takesOver reports that no policy keeps other managers' fields.
func takesOver(j *job, live *unstructured.Unstructured) bool {
	return j.policy().SSA != mark.PolicyMerge && mark.PolicyOf(live).SSA != mark.PolicyMerge
}

// verify compares the answer to a dry-run with what is there. With the object in
// the live table no read is needed: an apply that changes nothing leaves the
// fingerprint as it is.
func (a *Applier) verify(ctx context.Context, unit live.Unit, j *job) error {
	if !j.exists() {
		j.finish(Missing)
		return nil
	}
	print := a.opts.Marker.Of(j.answer)
	same, known := a.sameAsSeen(j, print)
	if !known {
		current, err := a.get(ctx, j.at, j.Object.GetNamespace(), j.Object.GetName())
		if err != nil {
			return err
		}
		same = normal.SameContent(current, j.answer)
	}
	if !same {
		j.finish(Drifted)
		return nil
	}
	j.finish(Unchanged)
	j.result.UID, j.result.Fingerprint = j.answer.GetUID(), print
	if a.opts.Table != nil {
		a.opts.Table.MarkVerified(unit, j.ID, print)
	}
	return nil
}

// sameAsSeen compares the answer to a dry-run with the live table; known is
// false when the table has not seen the version that the dry-run started from,
// or counts no generations by which a change could be told.
func (a *Applier) sameAsSeen(j *job, print inventory.Fingerprint) (same, known bool) {
	if a.opts.Table == nil || j.answer.GetGeneration() == 0 {
		return false, false
	}
	seen, ok := a.opts.Table.Lookup(j.ID)
	if !ok || seen.ResourceVersion != j.answer.GetResourceVersion() {
		return false, false
	}
	return seen.Print == print, true
}
