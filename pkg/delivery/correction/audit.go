package correction

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// auditEvery is how often every object of a unit is verified by a dry-run,
// whatever the watch says of it. What an audit finds is a mistake of ours, or a
// writer that forges metadata.
const auditEvery = 24 * time.Hour

// ScheduleFirstAudit spreads the audits of all units over a day.
func (s *State) ScheduleFirstAudit(now time.Time, uid types.UID) {
	digest := sha256.Sum256([]byte(uid))
	s.Audit = now.Add(time.Duration(binary.BigEndian.Uint64(digest[:8]) % uint64(auditEvery)))
}

// AuditDue reports that the time of the audit has come.
func (s *State) AuditDue(now time.Time) bool { return !s.Audit.IsZero() && !now.Before(s.Audit) }

// Audited sets the time of the next audit.
func (s *State) Audited(now time.Time) { s.Audit = now.Add(auditEvery) }
