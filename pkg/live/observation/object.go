// Package observation reduces the metadata of an object to an Object: all that a
// table keeps of an object that it watches.
//
// There is one for every watched object, so that an Object is 48 bytes: a UID is
// kept as the number it is, and what few objects have (policies, the last
// writer, versions that are no numbers) is kept beside it.
package observation

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
	// Deleting says that the object is marked for deletion.
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

// Object is what an object was seen as. It is not safe for concurrent use.
type Object struct {
	uid    UID
	order  uint64 // the resource version as a number; 0 when it is none
	owner  unique.Handle[ownership.Unit]
	rare   *rare
	strong uint32
	weak   uint16
	flags  Flag
}

// Absence returns the observation of an object that is gone since a version. It
// keeps events that come late from bringing the object back.
func Absence(order uint64) *Object { return &Object{order: order, flags: absent} }

// Visible reports that there is an observation of an object that is there.
func (o *Object) Visible() bool { return o != nil && !o.Has(absent) }

// rare is what few objects have.
type rare struct {
	policy ownership.Policy
	by     *ownership.Writer
	uid    types.UID // a UID that is no UUID
	rv     string    // a resource version that is no number
}

// Has reports a flag.
func (o *Object) Has(f Flag) bool { return o.flags&f != 0 }

// Owner is the unit that the labels name.
func (o *Object) Owner() ownership.Unit { return o.owner.Value() }

// Order is the resource version as a number; 0 when it is none.
func (o *Object) Order() uint64 { return o.order }

// UID is the UID of the object, for comparing.
func (o *Object) UID() UID { return o.uid }

// By is who wrote to an object that is not as expected; nil when not known.
func (o *Object) By() *ownership.Writer { return o.extra().by }

// Fingerprint is the fingerprint of the object.
func (o *Object) Fingerprint() inventory.Fingerprint {
	return inventory.Fingerprint{Strong: o.strong, Weak: o.weak}
}

// extra returns what few objects have, for reading.
func (o *Object) extra() rare {
	if o.rare == nil {
		return rare{}
	}
	return *o.rare
}

// Policy is what the object asks for.
func (o *Object) Policy() ownership.Policy { return o.extra().policy }

// UIDText is the UID of the object as it is written.
func (o *Object) UIDText() types.UID {
	if text := o.extra().uid; text != "" {
		return text
	}
	return o.uid.text()
}

// ResourceVersion is the version of the object.
func (o *Object) ResourceVersion() string {
	if o.order == 0 {
		return o.extra().rv
	}
	return strconv.FormatUint(o.order, 10)
}

// Same reports that the object had this UID and version when it was seen.
func (o *Object) Same(uid types.UID, rv string) bool {
	return ownership.Order(rv) == o.order && o.ResourceVersion() == rv && o.UIDText() == uid
}

// SetWriter notes who wrote to an object that is not as expected.
func (o *Object) SetWriter(by ownership.Writer) {
	if by.Manager == "" {
		return
	}
	extra := o.extra()
	extra.by = &by
	o.rare = &extra
}

// ForgetWriter forgets who wrote to an object that is as expected.
func (o *Object) ForgetWriter() {
	if o.rare == nil {
		return
	}
	extra := o.extra()
	extra.by = nil
	if o.rare = &extra; extra == (rare{}) {
		o.rare = nil
	}
}

// Observer observes for an owner.
type Observer struct {
	// Owner is in whose name the objects are applied.
	Owner *ownership.Owner
}

// Observe reduces an object to what is kept of it.
func (v Observer) Observe(obj metav1.Object) *Object {
	obj = Flat(obj)
	fingerprint := v.Owner.Fingerprint(obj)
	s := &Object{order: ownership.Order(obj.GetResourceVersion()), owner: unique.Make(v.Owner.UnitOf(obj)), strong: fingerprint.Strong, weak: fingerprint.Weak}
	extra := rare{policy: v.Owner.Policy(obj)}
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
	set(Ours, v.Owner.Applied(obj))
	set(Takeover, v.Owner.TakeoverDue(obj))
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

// Version distinguishes states of an object; 0 is that of an object not seen.
func (o *Object) Version() uint64 {
	switch {
	case !o.Visible():
		return 0
	case o.order != 0:
		return o.order
	}
	return maphash.String(versionSeed, o.ResourceVersion())
}
