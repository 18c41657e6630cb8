// Package drift says how a live object stands to what was applied: the one word for
// it between those who observe (pkg/live) and those who decide.
//
// It is a model package.
package drift

import "k8s.io/apimachinery/pkg/runtime/schema"

// State is how a live object stands to what was applied.
type State uint8

// The states of an object.
const (
	// Clean is the zero value: nobody touched what was applied.
	Clean State = iota
	// Dirty is an object whose applied fields somebody changed: a real apply
	// corrects it at once.
	Dirty
	// Suspect is an object that changed in a way only a dry-run can judge.
	Suspect
	// TakeoverDue is an object with fields of a manager that are to become ours: the
	// next interval or request corrects it.
	TakeoverDue
	// Gone is an object that is not seen with our UID: a GET must confirm it.
	Gone
	// Ended is an object that is Gone and of a kind whose objects come to an end by
	// themselves: it is not restored before the interval.
	Ended
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

// String returns the name of the state.
func (s State) String() string {
	return [...]string{"Clean", "Dirty", "Suspect", "TakeoverDue", "Gone", "Ended", "Terminating", "Foreign", "Unwatched"}[s]
}

// Absent returns the state of an object that is not seen: Gone, or Ended for kinds
// whose objects are expected to disappear.
func Absent(gk schema.GroupKind) State {
	if (gk == schema.GroupKind{Kind: "Pod"} || gk == schema.GroupKind{Group: "batch", Kind: "Job"}) {
		return Ended
	}
	return Gone
}
