package phase

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// apply makes the objects what they should be, stage by stage. Whatever was
// applied stands in the inventory, also when a later stage failed.
func (p *Phases) apply(ctx context.Context, s *Scope) reconciler.Outcome {
	if s.Resumed {
		return reconciler.Continue()
	}
	tasks, err := p.tasks(ctx, s)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonBuildFailed, err))
	}
	owners := s.owners(tasks)
	report, err := p.run(ctx, s, tasks)
	p.drifted(s, report)
	p.fought(s, report)
	p.audited(s, report)
	p.enter(s, report)
	s.Changed = s.Changed || len(s.ChangeLog) > 0
	s.Cluster.Live.Expect(s.Unit, s.Inventory)
	p.wakeOwners(owners, report)
	p.logApplied(ctx, report)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonReconciliationFailed, withChanges(err, s.ChangeLog)))
	}
	if len(s.ChangeLog) > 0 {
		s.Tell(reconciler.Note{Reason: meta.ReasonProgressing, Message: strings.Join(append(s.ChangeLog, s.culprits()...), "\n")})
	}
	return reconciler.Continue()
}

// run does the tasks, and then applies what a verification found to have drifted,
// unless drift is only to be told.
func (p *Phases) run(ctx context.Context, s *Scope, tasks []apply.Task) (apply.Report, error) {
	report, err := s.Cluster.Applier.Run(ctx, s.Unit, tasks)
	if err != nil || s.warns() {
		return report, err
	}
	byID := make(map[inventory.ID]apply.Task, len(tasks))
	for _, task := range tasks {
		byID[task.ID] = task
	}
	var drifted []apply.Task
	kept := make([]apply.Result, 0, len(report.Results))
	for _, r := range report.Results {
		if r.Action != apply.Drifted && r.Action != apply.Missing {
			kept = append(kept, r)
			continue
		}
		task := byID[r.ID]
		task.Verify = false
		drifted = append(drifted, task)
	}
	if len(drifted) == 0 {
		return report, nil
	}
	second, err := s.Cluster.Applier.Run(ctx, s.Unit, drifted)
	return apply.Report{Results: append(kept, second.Results...)}, err
}

func (p *Phases) tasks(ctx context.Context, s *Scope) ([]apply.Task, error) {
	var tasks []apply.Task
	answered := s.judge(ctx)
	for _, step := range s.Plan.Steps {
		if step.Action == plan.Keep {
			continue
		}
		object, err := p.Builder.Normal(s.Object, step.Desired)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, apply.Task{
			Object: object, ID: step.ID,
			Known:     s.Cluster.Live.Known(s.Unit, step.ID),
			Force:     s.Object.Spec.Force,
			Verify:    step.Action == plan.Verify || s.warns() && !step.Changed && !s.Forced,
			Tidy:      s.Due && !s.warns(),
			Sensitive: step.Sensitive,
			Ignore:    s.Ignore.For(object),
			Answered:  answered,
		})
	}
	return tasks, nil
}

// enter writes what was applied into the inventory: the objects of the build in
// their order, and behind them what is no longer desired and still there.
func (p *Phases) enter(s *Scope, report apply.Report) {
	done := make(map[inventory.ID]apply.Result, len(report.Results))
	for _, r := range report.Results {
		done[r.ID] = r
		if r.Action == apply.Created || r.Action == apply.Configured {
			s.ChangeLog = append(s.ChangeLog, r.ID.Subject()+" "+string(r.Action))
		}
	}
	entries := make([]inventory.Entry, 0, len(s.Desired))
	for _, d := range s.Desired {
		e, known := s.Old.Lookup(d.ID)
		if r, ok := done[d.ID]; ok && !left(r) && !verified(r, e, d.Mark) {
			e, known = r.Entry(d.Mark), true
		}
		if known {
			entries = append(entries, e)
		}
	}
	s.Inventory = inventory.Of(append(entries, s.Old.Minus(inventory.Of(entries...))...)...)
}

// left reports that an object was found to differ and was left as it is.
func left(r apply.Result) bool { return r.Action == apply.Drifted || r.Action == apply.Missing }

// verified reports that an object was found to be as it should be. That its marks
// moved is known to the live table and worth no write of its own.
func verified(r apply.Result, known inventory.Entry, desired inventory.DesiredDigest) bool {
	return r.Action == apply.Unchanged && known.Record.Desired == desired && known.Record.Live != (inventory.Fingerprint{})
}

// owners remembers which other unit owned an object before this one applied it.
func (s *Scope) owners(tasks []apply.Task) map[inventory.ID]types.NamespacedName {
	owners := map[inventory.ID]types.NamespacedName{}
	for _, task := range tasks {
		if seen, ok := s.Cluster.Live.Lookup(task.ID); ok && seen.Owner != s.Unit && seen.Owner.Name != "" {
			owners[task.ID] = seen.Owner
		}
	}
	return owners
}

// wakeOwners lets former owners of objects that moved to this unit release them.
func (p *Phases) wakeOwners(owners map[inventory.ID]types.NamespacedName, report apply.Report) {
	for _, r := range report.Results {
		if owner, ok := owners[r.ID]; ok {
			p.Wake(owner)
		}
	}
}

// withChanges adds what was done before an apply failed to its error.
func withChanges(err error, changes []string) error {
	if len(changes) == 0 {
		return err
	}
	return fmt.Errorf("%w; done before: %s", err, strings.Join(changes, ", "))
}
