package live

import (
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// flag is a yes or no about an object.
type flag uint8

const (
	deleting  flag = 1 << iota // the object has a deletion mark
	takeover                   // fields are to be taken over
	unmanaged                  // the object has no managedFields at all
	ours                       // our Apply entry is on the object
)

// sighting is all that is kept of an object's metadata: some 200 bytes with its
// key.
type sighting struct {
	uid    types.UID
	rv     string
	order  uint64 // rv as a number; 0 when it is none
	print  inventory.Fingerprint
	owner  unique.Handle[Unit]
	policy *mark.Policy // nil when the object asks for nothing
	flags  flag
}

func (s *sighting) has(f flag) bool { return s.flags&f != 0 }

func (s *sighting) policies() mark.Policy {
	if s.policy == nil {
		return mark.Policy{}
	}
	return *s.policy
}

// sight reduces an object to a sighting.
func (t *Table) sight(obj metav1.Object) *sighting {
	m := t.opts.Marker
	s := &sighting{
		uid: obj.GetUID(), rv: obj.GetResourceVersion(), order: mark.Order(obj.GetResourceVersion()),
		print: m.Of(obj), owner: unique.Make(m.Owner(obj)),
	}
	if p := mark.PolicyOf(obj); p != (mark.Policy{}) {
		s.policy = &p
	}
	set := func(f flag, on bool) {
		if on {
			s.flags |= f
		}
	}
	set(deleting, obj.GetDeletionTimestamp() != nil)
	set(unmanaged, len(obj.GetManagedFields()) == 0)
	set(ours, m.Applied(obj))
	set(takeover, m.TakeoverDue(t.opts.Takeover, obj))
	return s
}

// sightAgain returns the sighting there is of an object that has not changed since,
// and makes one otherwise. Computing fingerprints is most of what a list costs.
func (t *Table) sightAgain(k *kind, at key, obj metav1.Object) *sighting {
	var known *sighting
	t.locked(func() {
		if o := k.find(at); o != nil {
			known = o.seen
		}
	})
	if known != nil && known.uid == obj.GetUID() && known.rv == obj.GetResourceVersion() {
		return known
	}
	return t.sight(obj)
}

// key names an object within its kind.
type key struct {
	namespace unique.Handle[string]
	name      string
}

func keyOf(namespace, name string) key { return key{namespace: unique.Make(namespace), name: name} }

// expectation is what a unit's ledger says about an object.
type expectation struct {
	live   inventory.Fingerprint
	uid    types.UID // known once an answer was seen
	forced bool      // dirty whatever the marks say
	skip   bool      // recorded, but never applied: a policy forbade it
}

func (e expectation) skipped() bool { return e.skip && e.live == inventory.Fingerprint{} }

// source says where an expectation's marks come from.
type source uint8

const (
	fromLedger   source = iota // a status that was read
	fromAnswer                 // the answer to an apply of this process
	fromVerified               // a dry-run of this process that found nothing
)

// claim ties an object to a unit that has it in its inventory.
type claim struct {
	unit     *unit
	id       inventory.ID
	object   *object
	want     expectation
	source   source
	inflight int
	// told is what the unit was last woken for, so that one change wakes once.
	told  mark.VerdictKind
	at    string
	quiet int // verifications in a row that found nothing
}

// object is an object that is seen, or expected, or both.
type object struct {
	seen   *sighting
	claims []*claim
}

// unit is what the table keeps for a Unit.
type unit struct {
	name    Unit
	claims  map[inventory.ID]*claim
	awaited map[inventory.ID]struct{}
	// asked remembers that the unit was judged before its kinds were listed.
	asked bool
}
