package live

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// VerdictKind says what is to be done about an object.
type VerdictKind uint8

// The kinds of verdicts; a clean object has none.
const (
	// Clean is the zero value: nobody touched what was applied.
	Clean VerdictKind = iota
	// Dirty is an object whose applied fields somebody changed: a real apply
	// corrects it at once.
	Dirty
	// Suspect is an object that changed in a way only a dry-run can judge.
	Suspect
	// TakeoverDue is an object with fields of a manager on the takeover list: the
	// next interval or request corrects it.
	TakeoverDue
	// Gone is an object that is not seen with our UID: a GET must confirm it.
	Gone
	// Terminating is an object that is being deleted, or whose namespace is:
	// nothing is done.
	Terminating
	// Foreign is an object whose owner labels name another unit: the full
	// reconcile sees to it.
	Foreign
	// Unwatched is an object about which the watch can tell nothing: a dry-run at
	// the interval verifies it.
	Unwatched
)

// String returns the name of the kind.
func (k VerdictKind) String() string {
	return [...]string{"Clean", "Dirty", "Suspect", "TakeoverDue", "Gone", "Terminating", "Foreign", "Unwatched"}[k]
}

// Verdict is what was found about an object that is not clean.
type Verdict struct {
	// Kind says what is to be done.
	Kind VerdictKind
	// Owner is the unit that the labels of a Foreign object name.
	Owner Unit
	// AtInterval says that the object is not to be restored before the interval,
	// because objects of its kind come to an end by themselves.
	AtInterval bool
}

// Judgement is what memory says about all objects of a unit.
type Judgement struct {
	// Synced says that every kind of the unit has been listed and is watched, or
	// has been found to be unwatchable, in which case its objects are Unwatched.
	// Until then nothing can be concluded from an object without a verdict.
	Synced bool
	// Objects holds a verdict for every object that is not clean.
	Objects map[inventory.ID]Verdict
}

// Clean reports that the unit is synced and nothing is to be done.
func (j Judgement) Clean() bool { return j.Synced && len(j.Objects) == 0 }

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
	Policy Policy
	// Deleting says that the object has a deletion mark.
	Deleting bool
	// Ours says that the object carries our Apply entry.
	Ours bool
	// Print is the fingerprint of the object.
	Print inventory.Fingerprint
	// Takeover says that the object has fields or marks to be taken over.
	Takeover bool
}

// facts are everything a verdict depends on.
type facts struct {
	unit        Unit
	want        expectation
	seen        *sighting // nil when the object is not seen
	kind        schema.GroupKind
	unwatchable bool
	nsDeleting  bool
}

// judge is the table of the design as a function. The caller has made sure that
// the kind was listed and no apply of the object is in flight.
func judge(f facts) Verdict {
	switch {
	case f.unwatchable:
		return Verdict{Kind: Unwatched}
	case f.seen == nil && f.nsDeleting:
		return Verdict{Kind: Terminating}
	case f.seen == nil && f.want.skipped():
		// The policy that kept us from applying may be on the desired object only,
		// and the object need not carry our label.
		return Verdict{Kind: Unwatched}
	case f.seen == nil:
		return Verdict{Kind: Gone, AtInterval: endsByItself(f.kind)}
	case f.seen.has(deleting) || f.nsDeleting:
		return Verdict{Kind: Terminating}
	case f.seen.owner.Value() != f.unit:
		return Verdict{Kind: Foreign, Owner: f.seen.owner.Value()}
	case f.want.uid != "" && f.want.uid != f.seen.uid:
		return Verdict{Kind: Gone, AtInterval: endsByItself(f.kind)}
	}
	return judgeSeen(f.want, f.seen)
}

// judgeSeen judges an object that is there, ours by its labels and not on its
// way out.
func judgeSeen(want expectation, seen *sighting) Verdict {
	policy := seen.policies()
	switch {
	case policy.Excluded() || policy.SSA == PolicyIfNotPresent:
		return Verdict{}
	case want.forced:
		return Verdict{Kind: Dirty}
	case want.live == (inventory.Fingerprint{}):
		return Verdict{Kind: Suspect}
	case want.live.Hard != seen.print.Hard:
		return Verdict{Kind: Dirty}
	case want.live.Soft != seen.print.Soft:
		return Verdict{Kind: Suspect}
	case seen.has(takeover) && policy.SSA != PolicyMerge:
		return Verdict{Kind: TakeoverDue}
	case seen.has(unmanaged):
		return Verdict{Kind: Unwatched}
	}
	return Verdict{}
}

// endsByItself reports kinds whose objects are expected to disappear.
func endsByItself(gk schema.GroupKind) bool {
	return gk == schema.GroupKind{Kind: "Pod"} || gk == schema.GroupKind{Group: "batch", Kind: "Job"}
}
