package rig

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
)

// Edits is how many objects are edited at most in one go. Every cell edits objects of its own: one that drifts again is
// corrected later.
const Edits = 100

// reserved units at the end are for cells that need one of their own.
const reserved = 22

// Some returns n units from the first on, or fewer if there are not so many, without those that are reserved.
func (r *Rig) Some(first, n int) []fleet.Unit {
	all := r.Fleet.Units[:max(1, len(r.Fleet.Units)-reserved)]
	first = min(first, len(all)-min(n, len(all)))
	return all[first:min(first+n, len(all))]
}

// Last returns one of the reserved units, or what there is.
func (r *Rig) Last(i int) fleet.Unit { return r.Fleet.Units[max(0, len(r.Fleet.Units)-1-i)] }

// CorrectValue edits a ConfigMap and returns how long the edit lived after the API server had answered it.
func (r *Rig) CorrectValue(ctx context.Context, unit fleet.Unit, edit string) (time.Duration, error) {
	want := r.Fleet.Value(unit.Key())
	version, err := r.Fleet.EditValue(ctx, unit, edit)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	at, err := r.Fleet.AwaitValue(ctx, unit.Key(), want, version)
	return at.Sub(began), err
}
