package inventory

import "github.com/capstan-gitops/capstan/apis/meta"

// Decode reads the inventory in the status of a unit. Entries whose identity
// cannot be read are returned as they are, so that a caller can keep them; a
// ledger record that cannot be read counts as missing.
func Decode(wire *meta.ResourceInventory) (inv Inventory, unreadable []meta.ResourceRef) {
	if wire == nil {
		return Of(), nil
	}
	entries := make([]Entry, 0, len(wire.Entries))
	for _, ref := range wire.Entries {
		id, err := ParseID(ref.ID)
		if err != nil {
			unreadable = append(unreadable, ref)
			continue
		}
		record, err := ParseRecord(ref.Ledger)
		if err != nil {
			record = Record{}
		}
		entries = append(entries, Entry{ID: id, Version: ref.Version, Record: record, Dropped: ref.Dropped})
	}
	return Of(entries...), unreadable
}

// Encode returns the wire form of the inventory with the given digest of its
// inputs.
func Encode(inv Inventory, inputs string, unreadable ...meta.ResourceRef) *meta.ResourceInventory {
	wire := &meta.ResourceInventory{Entries: make([]meta.ResourceRef, 0, inv.Len()), Inputs: inputs}
	for _, e := range inv.Entries() {
		ref := meta.ResourceRef{ID: e.ID.String(), Version: e.Version, Dropped: e.Dropped}
		if !e.Record.IsZero() {
			ref.Ledger = e.Record.String()
		}
		wire.Entries = append(wire.Entries, ref)
	}
	wire.Entries = append(wire.Entries, unreadable...)
	return wire
}
