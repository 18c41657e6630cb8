package inventory

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Entry is one object of an inventory.
type Entry struct {
	ID
	// Version is the API version the object was applied with, without its group.
	Version string
	// Record is the ledger record; zero when nothing is known.
	Record Record
	// Dropped names the fields that were left out of the object when it was applied.
	Dropped []string
}

// Inventory is an ordered set of entries, one for each identity. The zero value
// is empty and ready to use.
type Inventory struct {
	entries []Entry
	index   map[ID]int
}

// Of returns the inventory of the given entries; of two with one identity the
// later wins and keeps the place of the earlier.
func Of(entries ...Entry) Inventory {
	inv := Inventory{entries: make([]Entry, 0, len(entries)), index: make(map[ID]int, len(entries))}
	for _, e := range entries {
		inv.put(e)
	}
	return inv
}

func (inv *Inventory) put(e Entry) {
	if at, ok := inv.index[e.ID]; ok {
		inv.entries[at] = e
		return
	}
	inv.index[e.ID] = len(inv.entries)
	inv.entries = append(inv.entries, e)
}

// Len returns the number of entries.
func (inv Inventory) Len() int { return len(inv.entries) }

// Entries returns the entries in order. The slice must not be changed.
func (inv Inventory) Entries() []Entry { return inv.entries }

// Lookup returns the entry of an identity.
func (inv Inventory) Lookup(id ID) (Entry, bool) {
	at, ok := inv.index[id]
	if !ok {
		return Entry{}, false
	}
	return inv.entries[at], true
}

// Kinds returns the kinds of the entries, each once.
func (inv Inventory) Kinds() []schema.GroupKind {
	var kinds []schema.GroupKind
	for _, e := range inv.entries {
		if gk := e.GroupKind(); !slices.Contains(kinds, gk) {
			kinds = append(kinds, gk)
		}
	}
	return kinds
}

// Has reports whether the inventory holds the identity.
func (inv Inventory) Has(id ID) bool {
	_, ok := inv.index[id]
	return ok
}

// With returns the inventory with the entries added or replaced.
func (inv Inventory) With(entries ...Entry) Inventory {
	return Of(append(slices.Clone(inv.entries), entries...)...)
}

// Without returns the inventory less the given identities: objects that are
// known to be gone, or released.
func (inv Inventory) Without(ids ...ID) Inventory {
	drop := make(map[ID]bool, len(ids))
	for _, id := range ids {
		drop[id] = true
	}
	kept := make([]Entry, 0, len(inv.entries))
	for _, e := range inv.entries {
		if !drop[e.ID] {
			kept = append(kept, e)
		}
	}
	return Of(kept...)
}

// Minus returns the entries of inv that other does not hold.
func (inv Inventory) Minus(other Inventory) []Entry {
	var stale []Entry
	for _, e := range inv.entries {
		if !other.Has(e.ID) {
			stale = append(stale, e)
		}
	}
	return stale
}

// Recall returns the inventory with the ledger records it lacks taken from what is
// remembered of it.
func (inv Inventory) Recall(remembered Inventory) Inventory {
	var recalled []Entry
	for _, e := range inv.entries {
		if was, ok := remembered.Lookup(e.ID); ok && e.Record.IsZero() && was.Version == e.Version {
			recalled = append(recalled, was)
		}
	}
	if len(recalled) == 0 {
		return inv
	}
	return inv.With(recalled...)
}

// Digest is a digest over identities, versions and records, independent of the
// order of the entries.
func (inv Inventory) Digest() []byte {
	lines := make([]string, 0, len(inv.entries))
	for _, e := range inv.entries {
		lines = append(lines, e.ID.String()+" "+e.Version+" "+e.Record.String()+"\n")
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return sum[:]
}

// BindInputs binds the digest of a unit's inputs to the inventory they produced. A
// value that still matches says two things: the inputs are those of the last
// success, and nobody changed the inventory since.
func (inv Inventory) BindInputs(key Key, inputs []byte) string {
	return base64.RawURLEncoding.EncodeToString(key.sum(inputs, inv.Digest())[:18])
}
