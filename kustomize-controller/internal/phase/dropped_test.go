package phase

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/plan"
)

// TestUnknownIsRemembered says when fields that the server did not have are left out
// without asking it: where an object is only corrected. What the status says of them
// is not believed.
func TestUnknownIsRemembered(t *testing.T) {
	remembered := inventory.Of(inventory.Entry{ID: object, Dropped: []string{".spec.replica"}})
	for name, tc := range map[string]struct {
		why    string
		change func(*Scope)
		step   plan.Step
		want   []string
	}{
		"Corrected": {"nobody asked for anything new", func(*Scope) {}, plan.Step{}, []string{".spec.replica"}},
		"Changed":   {"the field may be right now", func(*Scope) {}, plan.Step{Changed: true}, nil},
		"Forced":    {"everything is done anew", func(s *Scope) { s.Forced = true }, plan.Step{}, nil},
		"Audit":     {"the cluster may have been upgraded", func(s *Scope) { s.AuditDue = true }, plan.Step{}, nil},
		"Status":    {"whoever may write the status must not choose what is applied", func(s *Scope) { s.State.Ledger = inventory.Of() }, plan.Step{}, nil},
	} {
		s := begin(unitstate.New(), time.Now(), meta.DriftEnabled)
		s.Old, s.State.Ledger = remembered, remembered
		tc.change(s)
		tc.step.ID = object
		if diff := cmp.Diff(tc.want, s.unknown(tc.step)); diff != "" {
			t.Errorf("%s: %s: %s", name, tc.why, diff)
		}
	}
}

// TestUnknownIsRefusedLater says that an object which was applied without an unknown
// field is applied again once that is an error, and one of which the server sets
// what was left out is not.
func TestUnknownIsRefusedLater(t *testing.T) {
	for name, tc := range map[string]struct {
		why     string
		refuse  bool
		dropped []string
		want    plan.Action
	}{
		"Allowed": {"it was reported", false, []string{".spec.replica"}, plan.Keep},
		"Refused": {"it is an error now", true, []string{".spec.replica", ".metadata.uid"}, plan.Apply},
		"Owned":   {"that is none", true, []string{".metadata.uid", "and 3 more"}, plan.Keep},
		"None":    {"nothing was left out", true, nil, plan.Keep},
	} {
		s := begin(unitstate.New(), time.Now(), meta.DriftEnabled)
		s.Live.Objects = nil
		s.Built = &build.Result{Objects: []build.Object{{ID: object}}}
		s.Old = inventory.Of(inventory.Entry{ID: object, Dropped: tc.dropped})
		Plan{RefuseUnknown: tc.refuse}.Run(t.Context(), s)
		if got := s.Plan.Steps[0].Action; got != tc.want {
			t.Errorf("%s: %s: got %d", name, tc.why, got)
		}
	}
}
