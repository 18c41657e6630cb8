package phase

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/delivery/correction"
	"github.com/capstan-gitops/capstan/pkg/delivery/ledger"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/plan"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Apply makes the objects what they should be, stage by stage. Whatever was applied
// stands in the inventory, also when a later stage failed.
type Apply struct {
	// Normal returns a built object in the form in which it is applied.
	Normal func(unit *kustomizev1.Kustomization, object build.Object) (*unstructured.Unstructured, error)
	// Wake has a unit reconciled.
	Wake func(types.NamespacedName)
	// Disagreed counts an object that an audit found to differ.
	Disagreed func()
	// Drifting sets the metric of how many objects of a unit differ and are left.
	Drifting func(unit types.NamespacedName, objects int)
	// RefuseUnknown makes a field that the API server does not have an error.
	RefuseUnknown bool
	// GroupLog logs what was applied by kind.
	GroupLog bool
}

// Run applies what the plan says.
func (p Apply) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	tasks, err := p.tasks(ctx, s)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonBuildFailed, err))
	}
	owners := s.owners(tasks)
	results, err := runTasks(ctx, s, tasks)
	p.account(s, results)
	s.reportDropped(results)
	s.Inventory = ledger.Enter(s.Old, s.Built.Desired(), results)
	s.ChangeLog = changes(results)
	s.Changed = s.Changed || len(s.ChangeLog) > 0
	s.Cluster.Live.Expect(s.Unit, s.Inventory)
	for _, r := range results { // former owners of objects that moved to this unit release them
		if owner, ok := owners[r.ID]; ok {
			p.Wake(owner)
		}
	}
	p.log(ctx, results)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonReconciliationFailed, withChanges(err, s.ChangeLog)))
	}
	if len(s.ChangeLog) > 0 {
		s.Report(reconciler.Note{Reason: meta.ReasonProgressing, Message: strings.Join(append(s.ChangeLog, s.writers()...), "\n")})
	}
	return reconciler.Continue()
}

// tasks are the steps of the plan that need a request.
func (p Apply) tasks(ctx context.Context, s *Scope) ([]apply.Task, error) {
	var tasks []apply.Task
	answered := s.noteHealth(ctx)
	for i, step := range s.Plan.Steps {
		if step.Action == plan.Keep {
			continue
		}
		built := s.Built.Objects[i]
		object, err := p.Normal(s.Object, built)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, apply.Task{
			Object: object, ID: step.ID,
			Known:     s.Cluster.Live.Known(s.Unit, step.ID),
			Force:     s.Object.Spec.Force,
			Verify:    step.Action == plan.Verify || s.warns() && !step.Changed && !s.Forced,
			Tidy:      s.Due && !s.warns(),
			Sensitive: built.Sensitive,
			Ignore:    s.Ignore.For(object),
			Unknown:   s.unknown(step), RefuseUnknown: p.RefuseUnknown,
			Answered: answered,
		})
	}
	return tasks, nil
}

// runTasks does the tasks, and then applies what a verification found to have
// drifted, unless drift is only to be reported.
func runTasks(ctx context.Context, s *Scope, tasks []apply.Task) ([]apply.Result, error) {
	report, err := s.Cluster.Applier.Run(ctx, s.Unit, tasks)
	if err != nil || s.warns() {
		return report.Results, err
	}
	byID := make(map[inventory.ID]apply.Task, len(tasks))
	for _, task := range tasks {
		byID[task.ID] = task
	}
	var drifted []apply.Task
	kept := make([]apply.Result, 0, len(report.Results))
	for _, r := range report.Results {
		if !correction.IsLeft(r) {
			kept = append(kept, r)
			continue
		}
		task := byID[r.ID]
		task.Verify = false
		drifted = append(drifted, task)
	}
	if len(drifted) == 0 {
		return report.Results, nil
	}
	second, err := s.Cluster.Applier.Run(ctx, s.Unit, drifted)
	return append(kept, second.Results...), err
}

// account enters what the pass corrected, what it left, and what its audit found.
func (p Apply) account(s *Scope, results []apply.Result) {
	changed := make(map[inventory.ID]bool, len(s.Plan.Steps))
	audited := make(map[inventory.ID]bool, len(s.Plan.Steps))
	for _, step := range s.Plan.Steps {
		changed[step.ID], audited[step.ID] = step.Changed, step.Audited
	}
	corrections := &s.State.Corrections
	corrections.Corrected(s.corrections(), results, changed)
	p.accountDrift(s, results)
	if !s.AuditDue {
		return
	}
	corrections.Audited(s.Start)
	for _, r := range results {
		// A server that has come to know a field is no mistake of the engine.
		known, _ := s.Old.Lookup(r.ID)
		same := slices.Equal(known.Dropped, r.Dropped)
		if audited[r.ID] && same && (r.Action == apply.Configured || r.Action == apply.Created) {
			p.Disagreed()
		}
	}
}

// accountDrift enters what a pass found to differ and left, and reports what is new.
func (p Apply) accountDrift(s *Scope, results []apply.Result) {
	corrections := &s.State.Corrections
	if !s.warns() {
		corrections.Drift = nil
		p.Drifting(s.Unit, 0)
		return
	}
	found := corrections.Left(s.corrections(), results, s.Attempt.Desired)
	p.Drifting(s.Unit, len(corrections.Drift))
	if len(found) > 0 {
		s.Report(reconciler.Note{Severity: reconciler.Error, Reason: meta.ReasonDriftDetected, Message: strings.Join(found, "\n")})
	}
}

// owners returns which other unit owned an object before this one applied it.
func (s *Scope) owners(tasks []apply.Task) map[inventory.ID]types.NamespacedName {
	owners := map[inventory.ID]types.NamespacedName{}
	for _, task := range tasks {
		if seen, ok := s.Cluster.Live.Lookup(task.ID); ok && seen.Owner != s.Unit && seen.Owner.Name != "" {
			owners[task.ID] = seen.Owner
		}
	}
	return owners
}

// writers are the lines of an event that say who had changed what was corrected,
// and when.
func (s *Scope) writers() []string {
	changed := map[inventory.ID]bool{}
	for _, step := range s.Plan.Steps {
		changed[step.ID] = step.Changed
	}
	var lines []string
	for id, found := range s.Live.Objects {
		if by := found.By; by != nil && by.Manager != "" && !changed[id] {
			lines = append(lines, fmt.Sprintf("%s had been changed by %s at %s", id.Subject(), by, by.Time.UTC().Format(time.RFC3339)))
		}
	}
	slices.Sort(lines)
	return lines
}

// log logs what was applied: each object, or by the gate of the contract only how
// many of each kind.
func (p Apply) log(ctx context.Context, results []apply.Result) {
	output := map[string]string{}
	counts := map[string]map[string]int{}
	for _, r := range results {
		if r.Action == apply.Unchanged {
			continue
		}
		output[r.ID.Subject()] = string(r.Action)
		if counts[string(r.Action)] == nil {
			counts[string(r.Action)] = map[string]int{}
		}
		counts[string(r.Action)][r.ID.GroupKind().String()]++
	}
	switch log := logf.FromContext(ctx); {
	case len(output) == 0:
	case p.GroupLog:
		log.Info("server-side apply completed", "output", counts)
	default:
		log.Info("server-side apply completed", "output", output)
	}
}

// changes lists what was done, a line an object.
func changes(results []apply.Result) (lines []string) {
	for _, r := range results {
		if r.Action == apply.Created || r.Action == apply.Configured {
			lines = append(lines, r.ID.Subject()+" "+string(r.Action))
		}
	}
	return lines
}

// withChanges adds what was done before an apply failed to its error.
func withChanges(err error, changes []string) error {
	if len(changes) == 0 {
		return err
	}
	return fmt.Errorf("%w; done before: %s", err, strings.Join(changes, ", "))
}
