package live

import (
	"unique"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/observation"
)

// There is an object and a claim for everything that is watched, so that they are
// kept small: 48 and 64 bytes. TestBytes measures what they come to with the maps
// that hold them.

// key names an object within its kind.
type key struct {
	namespace unique.Handle[string]
	name      string
}

func keyOf(namespace, name string) key { return key{namespace: unique.Make(namespace), name: name} }

// object is an object that is seen, or expected, or both.
type object struct {
	kind   *kind
	at     key
	seen   *observation.Object
	claims *claim
}

func (o *object) id() inventory.ID {
	return inventory.ID{Namespace: o.at.namespace.Value(), Name: o.at.name, Group: o.kind.gk.Group, Kind: o.kind.gk.Kind}
}

// visible returns the observation of an object that is there, or nil.
func (o *object) visible() *observation.Object {
	if o == nil || !o.seen.Visible() {
		return nil
	}
	return o.seen
}

// claimOf returns the claim of a unit, or nil.
func (o *object) claimOf(u *unit) *claim {
	if o == nil || u == nil {
		return nil
	}
	for c := o.claims; c != nil; c = c.next {
		if c.unit == u {
			return c
		}
	}
	return nil
}

// unlike reports that some unit expects something else than is seen.
func (o *object) unlike(s *observation.Object) bool {
	if o == nil {
		return false
	}
	for c := o.claims; c != nil; c = c.next {
		if c.strong != 0 && c.expected() != s.Fingerprint() {
			return true
		}
	}
	return false
}

// source says where an expected fingerprint comes from.
type source uint8

const (
	fromLedger   source = iota // a status that was read
	fromAnswer                 // the answer to an apply of this process
	fromVerified               // a dry-run of this process that found nothing
)

// claim ties an object to a unit that has it in its inventory, with what the
// unit expects of it.
type claim struct {
	unit   *unit
	object *object
	next   *claim          // another claim to the object
	uid    observation.UID // known once an answer was seen
	// reported, at is what the unit was last woken for, so that one change wakes once.
	at     uint64
	strong uint32 // the expected fingerprint
	slot   int32  // the place among the claims of the unit
	weak   uint16

	inflight uint16
	reported drift.State
	harmless uint8 // verifications in a row that found nothing
	source   source
	state    state
}

// state is a yes or no about a claim.
type state uint8

const (
	forced   state = 1 << iota // dirty whatever the fingerprint says
	skip                       // recorded, but never applied: a policy forbade it
	released                   // the unit gave it up
)

func (c *claim) is(s state) bool { return c.state&s != 0 }

func (c *claim) set(s state, on bool) {
	if c.state &^= s; on {
		c.state |= s
	}
}

func (c *claim) expected() inventory.Fingerprint {
	return inventory.Fingerprint{Strong: c.strong, Weak: c.weak}
}

func (c *claim) expect(f inventory.Fingerprint) { c.strong, c.weak = f.Strong, f.Weak }

// skipped reports an object that is recorded and was never applied.
func (c *claim) skipped() bool { return c.is(skip) && c.expected() == inventory.Fingerprint{} }

// forgetWriter forgets who changed the object once it is as expected.
func (c *claim) forgetWriter() {
	if s := c.object.visible(); s != nil && s.Fingerprint() == c.expected() {
		s.ForgetWriter()
	}
}

// unit is what the table keeps for a Unit.
type unit struct {
	name    Unit
	claims  []*claim
	awaited map[inventory.ID]struct{}
	// asked remembers that the unit was judged before its kinds were listed.
	asked bool
}

// hold adds a claim to those of its unit and its object.
func (c *claim) hold() {
	c.slot = int32(len(c.unit.claims))
	c.unit.claims = append(c.unit.claims, c)
	c.next, c.object.claims = c.object.claims, c
}

// drop takes a claim from those of its unit and its object.
func (c *claim) drop() {
	all := c.unit.claims
	last := len(all) - 1
	all[c.slot] = all[last]
	all[c.slot].slot = c.slot
	all[last] = nil
	c.unit.claims = all[:last]
	for at := &c.object.claims; *at != nil; at = &(*at).next {
		if *at == c {
			*at = c.next
			break
		}
	}
	c.next = nil
	c.set(released, true)
}
