package ledger

import (
	"slices"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/delivery/correction"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/plan"
)

// Enter writes what was applied into an inventory: the desired objects in their
// order, and behind them what is no longer desired and still there.
func Enter(old inventory.Inventory, desired []plan.Desired, results []apply.Result) inventory.Inventory {
	done := make(map[inventory.ID]apply.Result, len(results))
	for _, r := range results {
		done[r.ID] = r
	}
	entries := make([]inventory.Entry, 0, len(desired))
	for _, d := range desired {
		e, known := old.Lookup(d.ID)
		if r, ok := done[d.ID]; ok && !correction.IsLeft(r) && !verified(r, e, d.Digest) {
			e, known = r.Entry(d.Digest), true
		}
		if known {
			entries = append(entries, e)
		}
	}
	return inventory.Of(append(entries, old.Minus(inventory.Of(entries...))...)...)
}

// verified reports that an object was found to be as it should be, and that the
// same of it was left out as before. That its fingerprints moved is known to the live table and worth no write of its own.
func verified(r apply.Result, known inventory.Entry, desired inventory.DesiredDigest) bool {
	return r.Action == apply.Unchanged && known.Record.Desired == desired && known.Record.Live != (inventory.Fingerprint{}) &&
		slices.Equal(r.Dropped, known.Dropped)
}
