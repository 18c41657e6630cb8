package phase

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// pollPause is how long a wait rests for objects that no watch sees.
const pollPause = 5 * time.Second

// health waits until the objects are well: the unit is parked, and woken when
// one of them changes. Only objects that changed are read again.
func (p *Phases) health(ctx context.Context, s *Scope) reconciler.Outcome {
	awaited := p.awaited(s)
	if len(awaited) == 0 {
		return p.finish(s)
	}
	rules, err := compile(s.Object.Spec.HealthCheckExprs)
	if err != nil {
		return reconciler.Fail(fault.Stalled(meta.ReasonInvalidCELExpression, err))
	}
	if s.Attempt.Awaiting == nil {
		s.Attempt.Awaiting = &memory.Await{Since: s.Start, Deadline: s.Start.Add(s.Timeout)}
	}
	check := &healthCheck{p: p, s: s, rules: rules}
	unseen := p.Live.Await(s.Unit, ids(awaited))
	if err := check.run(ctx, awaited); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonHealthCheckFailed, err))
	}
	now := p.Clock.Now()
	took := now.Sub(s.Attempt.Awaiting.Since).Round(time.Millisecond)
	switch {
	case len(check.failed) > 0 && p.FailFast:
		return p.unwell(s, health.After(took, health.FailedEarly(check.failed)))
	case len(check.waiting) > 0 && !now.Before(s.Attempt.Awaiting.Deadline):
		return p.unwell(s, health.After(took, health.Timeout(check.waiting)))
	case len(check.waiting) > 0:
		return p.await(s, now, len(unseen) > 0)
	}
	s.Healthy = HealthPassed
	if s.Changed || s.Resumed {
		s.Tell(reconciler.Note{Reason: meta.ReasonProgressing, Message: health.Passed(took)})
		s.Changed = true
	}
	return p.finish(s)
}

// await parks the unit.
func (p *Phases) await(s *Scope, now time.Time, poll bool) reconciler.Outcome {
	s.Healthy = HealthAwaited
	p.remember(s)
	until := s.Attempt.Awaiting.Deadline
	if next := now.Add(pollPause); poll && next.Before(until) {
		until = next
	}
	return reconciler.InProgress(checking(s), until)
}

// unwell ends a wait that did not end well. The next attempt begins anew.
func (p *Phases) unwell(s *Scope, message string) reconciler.Outcome {
	s.Healthy = HealthFailed
	s.Attempt.Awaiting, s.Attempt.Well = nil, nil
	p.Live.Await(s.Unit, nil)
	p.remember(s)
	return reconciler.Fail(fault.Retry(meta.ReasonHealthCheckFailed, fmt.Errorf("%s", message)))
}

// finish ends a pass that reached its goal.
func (p *Phases) finish(s *Scope) reconciler.Outcome {
	s.Attempt.Awaiting = nil
	s.Attempt.Complete = true
	if s.Inventory.Len() == len(s.Attempt.Desired) { // what is kept for another unit is looked at again
		s.Seal = s.Inventory.Seal(p.Key, []byte(s.Attempt.Inputs))
	}
	p.Live.Await(s.Unit, nil)
	p.rest(s)
	return applied(s)
}

// target is an object whose health is awaited.
type target struct {
	inventory.ID
	version string
}

// awaited lists the objects whose health the spec asks for.
func (p *Phases) awaited(s *Scope) []target {
	var targets []target
	if s.Object.Spec.Wait {
		for _, e := range s.Inventory.Entries() {
			if e.Record.Live != (inventory.Fingerprint{}) { // skipped by policy
				targets = append(targets, target{ID: e.ID, version: e.Version})
			}
		}
		return targets
	}
	for _, ref := range s.Object.Spec.HealthChecks {
		if t := targetOf(ref); t.ID != selfID(s) {
			targets = append(targets, t)
		}
	}
	return targets
}

func targetOf(ref kustomizev1.HealthCheckReference) target {
	apiVersion := ref.APIVersion
	if apiVersion == "" {
		apiVersion = "apps/v1"
	}
	gvk := schema.FromAPIVersionAndKind(apiVersion, ref.Kind)
	return target{
		ID:      inventory.ID{Namespace: ref.Namespace, Name: ref.Name, Group: gvk.Group, Kind: gvk.Kind},
		version: gvk.Version,
	}
}

func selfID(s *Scope) inventory.ID {
	return inventory.ID{
		Namespace: s.Unit.Namespace, Name: s.Unit.Name,
		Group: kustomizev1.GroupVersion.Group, Kind: kustomizev1.KustomizationKind,
	}
}

// healthDue reports that the interval is over and an awaited object changed
// since it was found healthy.
func (p *Phases) healthDue(s *Scope) bool {
	if !s.Due {
		return false
	}
	for _, t := range p.awaited(s) {
		seen, ok := p.Live.Lookup(t.ID)
		if !ok || s.Memory.Attempt.Well[t.ID] != seen.ResourceVersion {
			return true
		}
	}
	return false
}

func ids(targets []target) []inventory.ID {
	out := make([]inventory.ID, 0, len(targets))
	for _, t := range targets {
		out = append(out, t.ID)
	}
	return out
}

func compile(exprs []meta.HealthCheckExprs) (health.Rules, error) {
	rules := make([]health.Rule, 0, len(exprs))
	for _, e := range exprs {
		rules = append(rules, health.Rule{
			APIVersion: e.APIVersion, Kind: e.Kind, Current: e.Current, InProgress: e.InProgress, Failed: e.Failed,
		})
	}
	compiled, err := health.Compile(rules)
	if err != nil {
		return compiled, fmt.Errorf("reading spec.healthCheckExprs: %w", err)
	}
	return compiled, nil
}
