package live

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/observation"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// Judgement is what is known of all objects of a unit.
type Judgement struct {
	// Synced says that every kind of the unit has been listed and is watched, or
	// has been found to be unwatchable, in which case its objects are Unwatched, or
	// Gone when the cluster does not serve the kind.
	// Until then nothing can be concluded from an object without a finding.
	Synced bool
	// Objects holds a finding for every object that is not clean.
	Objects map[inventory.ID]Finding
	// Unwatchable says in a few words why kinds of the unit cannot be watched; nil
	// when all can. The words change only when the reason does.
	Unwatchable map[schema.GroupKind]string
}

// Clean reports that the unit is synced and nothing is to be done.
func (j Judgement) Clean() bool { return j.Synced && len(j.Objects) == 0 }

// Finding is what was found about an object that is not clean.
type Finding struct {
	// State says what is to be done.
	State drift.State
	// Owner is the unit that the labels of a Foreign object name.
	Owner Unit
	// By is who wrote to a Dirty or Suspect object last besides us; nil when that is
	// not known, as for an object that changed before this process expected it.
	By *ownership.Writer
}

// Observation is what the watch last saw of an object.
type Observation struct {
	// ID is the identity of the object.
	ID inventory.ID
	// UID and ResourceVersion are those of the object; they are fit for
	// preconditions.
	UID             types.UID
	ResourceVersion string
	// Owner is the unit that the labels name.
	Owner Unit
	// Policy is what the live object asks for.
	Policy ownership.Policy
	// Deleting says that the object is marked for deletion.
	Deleting bool
	// Fingerprint is the fingerprint of the object.
	Fingerprint inventory.Fingerprint
	// Takeover says that the object has fields, annotations or labels to be taken over.
	Takeover bool
}

// facts are everything a finding depends on.
type facts struct {
	claim       *claim
	seen        *observation.Object // nil when the object is not seen
	unwatchable bool
	undefined   bool // unwatchable, because the cluster does not serve the kind
	nsDeleting  bool
}

// judge is the table of the design as a function. The caller has made sure that
// the kind was listed and no apply of the object is in flight.
func judge(f facts) Finding {
	switch {
	case f.undefined && !f.claim.skipped():
		return Finding{State: drift.Gone} // with its definition
	case f.unwatchable:
		return Finding{State: drift.Unwatched}
	case f.seen == nil && f.nsDeleting:
		return Finding{State: drift.Terminating}
	case f.seen == nil && f.claim.skipped():
		// The policy that kept us from applying may be on the desired object only,
		// and the object need not carry our label.
		return Finding{State: drift.Unwatched}
	case f.seen == nil:
		return Finding{State: drift.Absent(f.claim.object.kind.gk)}
	case f.seen.Has(observation.Deleting) || f.nsDeleting:
		return Finding{State: drift.Terminating}
	case f.seen.Owner() != f.claim.unit.name:
		return Finding{State: drift.Foreign, Owner: f.seen.Owner()}
	case f.claim.uid != (observation.UID{}) && f.claim.uid != f.seen.UID():
		return Finding{State: drift.Absent(f.claim.object.kind.gk)}
	}
	return judgeSeen(f.claim, f.seen)
}

// judgeSeen judges an object that is there, ours by its labels and not on its
// way out.
func judgeSeen(c *claim, seen *observation.Object) Finding {
	policy := seen.Policy()
	switch {
	case policy.Excluded() || policy.SSA == ownership.PolicyIfNotPresent:
		return Finding{}
	case c.is(forced):
		return Finding{State: drift.Dirty}
	case c.expected() == inventory.Fingerprint{}:
		return Finding{State: drift.Suspect}
	case c.strong != seen.Fingerprint().Strong:
		return Finding{State: drift.Dirty}
	case c.weak != seen.Fingerprint().Weak:
		return Finding{State: drift.Suspect}
	case seen.Has(observation.Takeover) && policy.SSA != ownership.PolicyMerge:
		return Finding{State: drift.TakeoverDue}
	case seen.Has(observation.Unmanaged):
		return Finding{State: drift.Unwatched}
	}
	return Finding{}
}
