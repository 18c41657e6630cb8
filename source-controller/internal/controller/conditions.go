package controller

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/status"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
)

// conditions derives the conditions that a source kind has beside Ready.
type conditions struct {
	// failures are the conditions that say that a phase failed. They exist only
	// while they are true.
	failures []string
}

// conditionsOf returns the conditions of a list of phases.
func conditionsOf(phases []reconciler.Phase[*phase.Scope]) conditions {
	var c conditions
	for _, p := range phases {
		if p.Fails != "" && !slices.Contains(c.failures, p.Fails) {
			c.failures = append(c.failures, p.Fails)
		}
	}
	return c
}

// owned lists the types of the conditions.
func (c conditions) owned() []string {
	return append([]string{meta.ConditionArtifactInStorage, meta.ConditionArtifactOutdated}, c.failures...)
}

// derive returns the conditions at the end of a pass.
func (c conditions) derive(s *phase.Scope, v reconciler.Verdict) []status.Own {
	if v.OK() {
		return append(status.Absent(c.failures...),
			status.Own{Type: meta.ConditionArtifactOutdated},
			status.Own{Type: meta.ConditionArtifactInStorage, Status: metav1.ConditionTrue, Reason: v.Reason, Message: v.Message})
	}
	var own []status.Own
	if s.Current == nil {
		own = append(own, status.Absent(meta.ConditionArtifactInStorage)...)
	}
	if s.Outdated {
		own = append(own, status.Own{
			Type: meta.ConditionArtifactOutdated, Status: metav1.ConditionTrue, Reason: meta.ReasonNewRevision,
			Message: fmt.Sprintf("new upstream revision '%s'", s.Candidate.Revision),
		})
	}
	if !v.Failed() {
		return own
	}
	// What no phase failed at, as a duration that cannot be read, is a source that
	// cannot be fetched.
	failed := cmp.Or(v.Fails, meta.ConditionFetchFailed)
	for _, failure := range c.failures {
		if failure != failed {
			own = append(own, status.Absent(failure)...)
		}
	}
	return append(own, status.Own{Type: failed, Status: metav1.ConditionTrue, Reason: v.Reason, Message: v.Message})
}
