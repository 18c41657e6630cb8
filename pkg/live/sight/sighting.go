// Package sight reduces the metadata of an object to a Sighting: all that a
// table keeps of an object that it watches.
//
// There is one for every watched object, so that a Sighting is 48 bytes: a UID is
// kept as the number it is, and what few objects have (policies, a writer to
// blame, versions that are no numbers) is kept beside it.
package sight

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"strconv"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// Flag is a yes or no about an object.
type Flag uint8

// The flags.
const (
	// Deleting says that the object has a deletion mark.
	Deleting Flag = 1 << iota
	// Takeover says that fields are to be taken over.
	Takeover
	// Unmanaged says that the object has no managedFields at all.
	Unmanaged
	// Ours says that our Apply entry is on the object.
	Ours
	// absent says that the object is gone; only the order counts.
	absent
)

// Sighting is what an object was seen as. It is not safe for concurrent use.
type Sighting struct {
	uid   UID
	order uint64 // the resource version as a number; 0 when it is none
	owner unique.Handle[ownership.Unit]
	rare  *rare
	hard  uint32
	soft  uint16
	flags Flag
}

// Absence returns the sighting of an object that is gone since a version. It
// keeps events that come late from bringing the object back.
func Absence(order uint64) *Sighting { return &Sighting{order: order, flags: absent} }

// Visible reports that there is a sighting of an object that is there.
func (s *Sighting) Visible() bool { return s != nil && !s.Has(absent) }

// rare is what few objects have.
type rare struct {
	policy ownership.Policy
	by     *ownership.Writer
	uid    types.UID // a UID that is no UUID
	rv     string    // a resource version that is no number
}

// Has reports a flag.
func (s *Sighting) Has(f Flag) bool { return s.flags&f != 0 }

// Owner is the unit that the labels name.
func (s *Sighting) Owner() ownership.Unit { return s.owner.Value() }

// Order is the resource version as a number; 0 when it is none.
func (s *Sighting) Order() uint64 { return s.order }

// UID is the UID of the object, for comparing.
func (s *Sighting) UID() UID { return s.uid }

// By is who wrote to an object that is not as expected; nil when not known.
func (s *Sighting) By() *ownership.Writer { return s.extra().by }

// Print is the fingerprint of the object.
func (s *Sighting) Print() inventory.Fingerprint {
	return inventory.Fingerprint{Hard: s.hard, Soft: s.soft}
}

// extra returns what few objects have, for reading.
func (s *Sighting) extra() rare {
	if s.rare == nil {
		return rare{}
	}
	return *s.rare
}

// Policy is what the object asks for.
func (s *Sighting) Policy() ownership.Policy { return s.extra().policy }

// UIDText is the UID of the object as it is written.
func (s *Sighting) UIDText() types.UID {
	if text := s.extra().uid; text != "" {
		return text
	}
	return s.uid.text()
}

// ResourceVersion is the version of the object.
func (s *Sighting) ResourceVersion() string {
	if s.order == 0 {
		return s.extra().rv
	}
	return strconv.FormatUint(s.order, 10)
}

// Same reports that the object had this UID and version when it was seen.
func (s *Sighting) Same(uid types.UID, rv string) bool {
	return ownership.Order(rv) == s.order && s.ResourceVersion() == rv && s.UIDText() == uid
}

// Blame says who wrote to an object that is not as expected.
func (s *Sighting) Blame(by ownership.Writer) {
	if by.Manager == "" {
		return
	}
	extra := s.extra()
	extra.by = &by
	s.rare = &extra
}

// Forgive forgets who wrote to an object that is as expected.
func (s *Sighting) Forgive() {
	if s.rare == nil {
		return
	}
	extra := s.extra()
	extra.by = nil
	if s.rare = &extra; extra == (rare{}) {
		s.rare = nil
	}
}

// Lens says what to look for.
type Lens struct {
	// Owner is in whose name the objects are applied.
	Owner *ownership.Owner
}

// See reduces an object to a sighting.
func (l Lens) See(obj metav1.Object) *Sighting {
	obj = Flat(obj)
	print := l.Owner.Fingerprint(obj)
	s := &Sighting{order: ownership.Order(obj.GetResourceVersion()), owner: unique.Make(l.Owner.UnitOf(obj)), hard: print.Hard, soft: print.Soft}
	extra := rare{policy: l.Owner.Policy(obj)}
	var exact bool
	if s.uid, exact = uidOf(obj.GetUID()); !exact {
		extra.uid = obj.GetUID()
	}
	if rv := obj.GetResourceVersion(); s.ResourceVersion() != rv {
		s.order, extra.rv = 0, rv
	}
	if extra != (rare{}) {
		s.rare = &extra
	}
	set := func(f Flag, on bool) {
		if on {
			s.flags |= f
		}
	}
	set(Deleting, obj.GetDeletionTimestamp() != nil)
	set(Unmanaged, len(obj.GetManagedFields()) == 0)
	set(Ours, l.Owner.Applied(obj))
	set(Takeover, l.Owner.TakeoverDue(obj))
	return s
}

// Flat returns metadata that costs nothing to read: unstructured objects convert
// theirs anew for everyone who asks.
func Flat(obj metav1.Object) metav1.Object {
	if _, ok := obj.(*unstructured.Unstructured); !ok {
		return obj
	}
	return &metav1.ObjectMeta{
		Name: obj.GetName(), Namespace: obj.GetNamespace(), UID: obj.GetUID(), ResourceVersion: obj.GetResourceVersion(),
		Generation: obj.GetGeneration(), DeletionTimestamp: obj.GetDeletionTimestamp(),
		Labels: obj.GetLabels(), Annotations: obj.GetAnnotations(), ManagedFields: obj.GetManagedFields(),
	}
}

// UID is the UID of an object as a number, or what a text that is no UUID is
// hashed to. The zero value is that of no object.
type UID [16]byte

// uidOf reads a UID; exact says that it can be written again.
func uidOf(text types.UID) (u UID, exact bool) {
	if text == "" {
		return u, true
	}
	var digits []byte
	for i := range len(text) {
		if text[i] != '-' {
			digits = append(digits, text[i])
		}
	}
	if len(digits) == hex.EncodedLen(len(u)) {
		if _, err := hex.Decode(u[:], digits); err == nil && u.text() == text {
			return u, true
		}
	}
	sum := sha256.Sum256([]byte(text))
	return UID(sum[:len(u)]), false
}

// text writes a UID that was read exactly.
func (u UID) text() types.UID {
	if u == (UID{}) {
		return ""
	}
	t := hex.EncodeToString(u[:])
	return types.UID(t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:])
}

// versionSeed makes numbers of resource versions that are none.
var versionSeed = maphash.MakeSeed()

// Version tells states of an object apart; 0 is that of an object not seen.
func (s *Sighting) Version() uint64 {
	switch {
	case !s.Visible():
		return 0
	case s.order != 0:
		return s.order
	}
	return maphash.String(versionSeed, s.ResourceVersion())
}
