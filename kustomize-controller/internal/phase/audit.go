package phase

import (
	"encoding/binary"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// auditEvery is how often every object of a unit is verified by a dry-run,
// whatever the watch says of it. What an audit finds is a mistake of ours, or a
// writer that forges metadata.
const auditEvery = 24 * time.Hour

// auditDue reports that the unit is to be audited in this pass. Audits ride on
// passes that the interval asks for.
func (s *Scope) auditDue() bool {
	return s.Due && !s.Memory.Audit.IsZero() && !s.Start.Before(s.Memory.Audit)
}

// firstAudit spreads the audits of all units over a day.
func firstAudit(now time.Time, uid types.UID) time.Time {
	digest := inputs.Fold(string(uid))
	return now.Add(time.Duration(binary.BigEndian.Uint64([]byte(digest)) % uint64(auditEvery)))
}

// audited counts the objects that an audit found to differ although nothing had
// said so, and sets the time of the next one.
func (p *Phases) audited(s *Scope, report apply.Report) {
	if !s.auditDue() {
		return
	}
	s.Memory.Audit = s.Start.Add(auditEvery)
	trusted := map[inventory.ID]bool{}
	for _, step := range s.Plan.Steps {
		trusted[step.ID] = step.Audited
	}
	for _, r := range report.Results {
		if trusted[r.ID] && (r.Action == apply.Configured || r.Action == apply.Created) {
			p.Disagreed()
		}
	}
}
