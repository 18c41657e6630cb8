package phase

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/plan"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

var (
	unitName = types.NamespacedName{Namespace: "apps", Name: "shop"}
	object   = inventory.ID{Namespace: "apps", Name: "a", Kind: "ConfigMap"}
	failed   = reconciler.Fail(fault.Retry(meta.ReasonReconciliationFailed, errors.New("one object always fails")))
)

// begin returns the scope of a pass, as the controller makes it.
func begin(m *unitstate.Store, start time.Time, mode meta.DriftMode) *Scope {
	s := &Scope{
		Pass: reconciler.Pass{Start: start}, Unit: unitName, Interval: time.Hour,
		Object: &kustomizev1.Kustomization{
			ObjectMeta: metav1.ObjectMeta{Namespace: unitName.Namespace, Name: unitName.Name, UID: "1"},
			Spec:       kustomizev1.KustomizationSpec{DriftDetection: &kustomizev1.DriftDetection{Mode: mode}},
		},
	}
	last, answered := m.Get(unitName, "1")
	s.State, s.Last, s.Answered = last.State, last.Attempt, answered
	s.Attempt = unitstate.Attempt{Inputs: "inputs", Desired: []inventory.ID{object}}
	s.Live.Objects = map[inventory.ID]live.Finding{object: {State: drift.Dirty}}
	s.Plan.Steps = []plan.Step{{Desired: plan.Desired{ID: object}, Audited: true}}
	return s
}

func accounting() (Apply, *int) {
	disagreed := 0
	return Apply{Disagreed: func() { disagreed++ }, Drifting: func(types.NamespacedName, int) {}}, &disagreed
}

// TestStateIsKeptWhateverTheOutcome checks that what belongs to the unit survives a
// pass in which another object failed: fights, drift that is left, the audit, and
// the count of downloads.
func TestStateIsKeptWhateverTheOutcome(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cases := map[string]struct {
		why    string
		mode   meta.DriftMode
		action apply.Action
		before func(*Scope)
		check  func(*testing.T, *Scope)
	}{
		"Fight": {
			why: "a correction is remembered, so that the next one waits", mode: meta.DriftEnabled, action: apply.Configured,
			check: func(t *testing.T, s *Scope) {
				t.Helper()
				if next := s.State.Corrections.BackOff(s.corrections()); next.IsZero() || len(s.Live.Objects) != 0 {
					t.Errorf("the object is corrected again at once; next is %s", next)
				}
			},
		},
		"Drift": {
			why: "what was reported is not reported anew", mode: meta.DriftWarn, action: apply.Drifted,
			check: func(t *testing.T, s *Scope) {
				t.Helper()
				p, _ := accounting()
				p.account(s, []apply.Result{{ID: object, Action: apply.Drifted}})
				if len(s.Notes()) != 0 || len(s.State.Corrections.Drift) != 1 {
					t.Errorf("reported anew: %v", s.Notes())
				}
			},
		},
		"Audit": {
			why: "an audit is not repeated at every retry", mode: meta.DriftEnabled, action: apply.Unchanged,
			before: func(s *Scope) { s.State.Corrections.Audit, s.AuditDue = start, true },
			check: func(t *testing.T, s *Scope) {
				t.Helper()
				if s.State.Corrections.AuditDue(s.Start) || !s.State.Corrections.AuditDue(s.Start.Add(24*time.Hour)) {
					t.Errorf("the next audit is at %s", s.State.Corrections.Audit)
				}
			},
		},
		"Downloads": {
			why: "downloads that failed in a row are counted", mode: meta.DriftEnabled, action: apply.Unchanged,
			before: func(s *Scope) { s.State.Downloads = 3 },
			check: func(t *testing.T, s *Scope) {
				t.Helper()
				if s.State.Downloads != 3 {
					t.Errorf("%d downloads", s.State.Downloads)
				}
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := unitstate.New()
			s := begin(m, start, tc.mode)
			if tc.before != nil {
				tc.before(s)
			}
			p, _ := accounting()
			p.account(s, []apply.Result{{ID: object, Action: tc.action}})
			PutBack(m)(s, failed)

			next := begin(m, start.Add(100*time.Millisecond), tc.mode)
			if next.Last.Inputs != "" {
				t.Errorf("%s: the next pass goes on from an attempt that failed", tc.why)
			}
			if next.State.Failing != "inputs" {
				t.Errorf("%s: that the pass failed is not remembered", tc.why)
			}
			tc.check(t, next)
		})
	}
}

// TestAttemptIsKeptWhenAPassSaysSo checks what the next pass goes on from.
func TestAttemptIsKeptWhenAPassSaysSo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cases := map[string]struct {
		why  string
		out  reconciler.Outcome
		keep bool
		want unitstate.Unit
	}{
		"Done":   {"success is gone on from, and ends the failure", reconciler.Done(meta.ReasonSucceeded, ""), true, unitstate.Unit{Attempt: unitstate.Attempt{Inputs: "inputs"}}},
		"Failed": {"a failed apply is made again", failed, false, unitstate.Unit{State: unitstate.State{Failing: "inputs"}, Attempt: unitstate.Attempt{Inputs: "last"}}},
		"Parked": {"a parked pass has not begun its attempt and says nothing of failures", reconciler.Park(time.Second), false, unitstate.Unit{State: unitstate.State{Failing: "last"}, Attempt: unitstate.Attempt{Inputs: "last"}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := unitstate.New()
			m.Put(unitName, "1", unitstate.Unit{State: unitstate.State{Failing: "last"}, Attempt: unitstate.Attempt{Inputs: "last"}})
			s := begin(m, now, meta.DriftEnabled)
			s.Attempt = unitstate.Attempt{Inputs: "inputs"}
			if tc.keep {
				s.keepAttempt()
			}
			PutBack(m)(s, tc.out)
			got, _ := m.Get(unitName, "1")
			if got.State.Failing != tc.want.State.Failing || got.Attempt.Inputs != tc.want.Attempt.Inputs {
				t.Errorf("%s: %s", tc.why, cmp.Diff(tc.want.Attempt.Inputs+" "+tc.want.State.Failing, got.Attempt.Inputs+" "+got.State.Failing))
			}
		})
	}
}

// TestAuditCountsDisagreements checks that an audit counts what it had to correct.
func TestAuditCountsDisagreements(t *testing.T) {
	s := begin(unitstate.New(), time.Now(), meta.DriftEnabled)
	s.AuditDue = true
	p, disagreed := accounting()
	p.account(s, []apply.Result{{ID: object, Action: apply.Configured}})
	if *disagreed != 1 {
		t.Errorf("counted %d", *disagreed)
	}
	s.Old = inventory.Of(inventory.Entry{ID: object, Dropped: []string{".spec.new"}})
	p.account(s, []apply.Result{{ID: object, Action: apply.Configured}})
	if *disagreed != 1 {
		t.Errorf("that a cluster was upgraded is no mistake; counted %d", *disagreed)
	}
}
