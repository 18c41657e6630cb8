package ownership

import "k8s.io/apimachinery/pkg/runtime/schema"

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
	// By is who wrote to a Dirty or Suspect object last besides us; nil when that is
	// not known, as for an object that changed before this process expected it.
	By *Writer
}

// EndsByItself reports kinds whose objects are expected to disappear.
func EndsByItself(gk schema.GroupKind) bool {
	return gk == schema.GroupKind{Kind: "Pod"} || gk == schema.GroupKind{Group: "batch", Kind: "Job"}
}
