package phase

import (
	"strings"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/delivery/ledger"
	"github.com/capstan-gitops/capstan/pkg/plan"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// reportDropped reports what was left out of objects, if it is not what was left out
// of them before.
func (s *Scope) reportDropped(results []apply.Result) {
	if found := ledger.NewlyDropped(s.Old, results); len(found) > 0 {
		s.Report(reconciler.Note{
			Severity: reconciler.Error, Reason: meta.ReasonFieldsDropped, Message: ledger.AppliedWithout + strings.Join(found, "; "),
		})
	}
}

// unknown are the fields of an object that the server was found not to have. They
// are left out again where the object is only corrected; what is to become of a
// changed object, and of every object at an audit, the server decides anew. The
// inventory in the status is not believed: nothing binds these names to our key.
func (s *Scope) unknown(step plan.Step) []string {
	if step.Changed || s.Forced || s.AuditDue {
		return nil
	}
	known, _ := s.State.Ledger.Lookup(step.ID)
	return known.Dropped
}
