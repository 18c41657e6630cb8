package deletion

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// maxSubjects is how many objects a reason names.
const maxSubjects = 3

// Hold is a deletion that waits for consent.
type Hold struct {
	// Digest names the set of objects; consent carries it.
	Digest string
	// Subjects names the objects, sorted.
	Subjects []string
	// Reason says why the deletion is held, as what follows "because".
	Reason string
}

// Confirmed is the consent that was used last. It is part of the status, written
// with the inventory in one request, so that the two never disagree.
type Confirmed struct {
	// Digest is the consent. It goes into the digests of later holds, so that an
	// annotation that nobody took away consents to nothing a second time.
	Digest string
	// Remaining is the digest of what is left of the set; empty when nothing is. It
	// lets a deletion that failed midway go on under the consent it has.
	Remaining string
}

// Request is what a pass would delete, and all that bears on whether it may.
type Request struct {
	// Unit is the UID of the unit: consent given to one is none to its successor of
	// the same name.
	Unit string
	// Stale are the entries that are no longer desired.
	Stale []inventory.Entry
	// Inventory is the number of objects before the pass.
	Inventory int
	// Emptied says that nothing at all is desired any more.
	Emptied bool
	// Live is what is known of the live objects.
	Live map[inventory.ID]drift.State
	// Needed says of stale objects what they are still needed for, in words that follow
	// the name of the object (see Needed): their deletion is held.
	Needed map[inventory.ID]string
	// Overrides are what the live objects say about their own deletion.
	Overrides map[inventory.ID]Override
	// Budget bounds what is deleted without consent.
	Budget Budget
	// Consent is the digest that the user agreed to.
	Consent string
	// Confirmed is the consent that was used last.
	Confirmed Confirmed
}

// Decision says what may be deleted now and what waits for consent.
type Decision struct {
	// Delete may be deleted, or released where it is not ours to delete.
	Delete []inventory.Entry
	// Held is what waits; nil when nothing does.
	Held *Hold

	unit      string
	confirmed Confirmed
	// used are the entries that are deleted only because of a consent.
	used []inventory.Entry
}

// Without returns the request less some objects: those that moved to another
// unit, which are not deleted and count for nothing.
func (d Request) Without(moved map[inventory.ID]bool) Request {
	d.Stale = slices.DeleteFunc(slices.Clone(d.Stale), func(e inventory.Entry) bool { return moved[e.ID] })
	return d
}

// Decide decides. A set is held or deleted as a whole: what leaves the source
// together was removed by one change, and if a part of that looks like a mistake,
// all of it does. Only what needs no consent by itself goes on.
func (d Request) Decide() Decision {
	v := Decision{unit: d.Unit, confirmed: Confirmed{Digest: d.Confirmed.Digest}}
	var set []inventory.Entry
	var counted []inventory.Entry
	for _, e := range d.Stale {
		if d.free(e.ID) {
			v.Delete = append(v.Delete, e)
			continue
		}
		set = append(set, e)
		if d.Live[e.ID] != drift.Terminating {
			counted = append(counted, e)
		}
	}
	reasons := d.reasons(counted)
	if len(reasons) == 0 {
		v.Delete = d.Stale
		return v
	}
	digest := digestOf(d.Unit, d.Confirmed.Digest, set)
	if !d.consents(digest) {
		v.Held = &Hold{Digest: digest, Subjects: subjects(set), Reason: strings.Join(reasons, "; ")}
		return v
	}
	v.Delete, v.used, v.confirmed.Digest = d.Stale, set, d.Consent
	return v
}

// Confirmed returns what the status is to remember of consent after the pass,
// given the inventory it leaves.
func (v Decision) Confirmed(after inventory.Inventory) Confirmed {
	c := v.confirmed
	left := slices.DeleteFunc(slices.Clone(v.used), func(e inventory.Entry) bool { return !after.Has(e.ID) })
	if len(left) > 0 {
		c.Remaining = digestOf(v.unit, c.Digest, left)
	}
	return c
}

// free reports that an object needs no consent: it says so, or it is not deleted
// but released. An object that merely is not seen any more counts: a list that lies
// must not open the budget.
func (d Request) free(id inventory.ID) bool {
	switch d.Overrides[id] {
	case Allowed, Kept:
		return true
	case NoOverride, Protected:
	}
	return d.Live[id] == drift.Foreign
}

// consents reports whether the user agreed to a set: to this very one, or to the
// one it is the rest of.
func (d Request) consents(digest string) bool {
	switch d.Consent {
	case "":
		return false
	case digest:
		return true
	default:
		return d.Consent == d.Confirmed.Digest && digest == d.Confirmed.Remaining
	}
}

// reasons says why a deletion is held; there is none when it is not.
func (d Request) reasons(counted []inventory.Entry) []string {
	if len(counted) == 0 {
		return nil
	}
	var reasons []string
	if d.Emptied {
		reasons = append(reasons, "the build has no objects any more")
	}
	if bounds := d.Budget.exceeded(len(counted), d.Inventory); len(bounds) > 0 {
		reasons = append(reasons, fmt.Sprintf("%d of %d objects are more than the budget of %s",
			len(counted), d.Inventory, strings.Join(bounds, " and of ")))
	}
	var kinds, asking []inventory.Entry
	var needed []string
	for _, e := range counted {
		if use, ok := d.Needed[e.ID]; ok {
			needed = append(needed, e.Subject()+" "+use)
		}
		switch {
		case d.Overrides[e.ID] == Protected:
			asking = append(asking, e)
		case d.Budget.protects(e.GroupKind()):
			kinds = append(kinds, e)
		}
	}
	if len(needed) > 0 {
		reasons = append(reasons, some(needed))
	}
	if len(kinds) > 0 {
		reasons = append(reasons, "the budget protects the kind of "+named(kinds))
	}
	if len(asking) > 0 {
		reasons = append(reasons, meta.AnnotationDeletion+" protects "+named(asking))
	}
	return reasons
}

func named(entries []inventory.Entry) string {
	return some(subjects(entries))
}

// some lists a few and counts the others.
func some(texts []string) string {
	if len(texts) <= maxSubjects {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:maxSubjects], ", "), len(texts)-maxSubjects)
}

func subjects(entries []inventory.Entry) []string {
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Subject())
	}
	slices.Sort(names)
	return names
}

// digestOf names a set of objects in the context of a unit and of the consent it
// used before. Subjects would not do: they do not tell groups apart.
func digestOf(unit, confirmed string, entries []inventory.Entry) string {
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.ID.String())
	}
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(unit + "\n" + confirmed + "\n" + strings.Join(ids, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}
