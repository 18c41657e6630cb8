package plan

import (
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Action is what is done about a desired object.
type Action int

const (
	// Keep leaves the object alone: it is as it should be.
	Keep Action = iota
	// Verify asks by a dry-run whether it is.
	Verify
	// Apply makes it so.
	Apply
)

// Desired is an object that is to be there.
type Desired struct {
	inventory.ID
	// Digest digests the object as it is to be applied.
	Digest inventory.DesiredDigest
}

// Input is everything a plan depends on.
type Input struct {
	// Desired are the objects of the build.
	Desired []Desired
	// Old is the inventory before the pass.
	Old inventory.Inventory
	// Live is what is known of live objects; an object that is not in it is clean.
	Live map[inventory.ID]drift.State
	// Due says that the interval has passed, that somebody asked, or that the spec
	// or the source changed: what can wait for the interval is done now.
	Due bool
	// Forced says that everything is to be done anew.
	Forced bool
	// Watching says that drift is to be corrected; if not, only what changed in
	// the source is applied.
	Watching bool
	// Audit says that what seems to be as it should be is verified.
	Audit bool
	// Prune says that objects which are no longer desired are deleted.
	Prune bool
}

// Step is what is done about one desired object.
type Step struct {
	Desired
	Action Action
	// Changed says that the object differs from what was asked for last time, or
	// is new, and not merely the live one from what was applied.
	Changed bool
	// Audited says that nothing but an audit asks for the verification.
	Audited bool
}

// Plan is what a pass does.
type Plan struct {
	// Steps has one step for each desired object, in the order of the build.
	Steps []Step
	// Released are the entries that are no longer desired and whose objects stay.
	Released []inventory.Entry
	// Stale are the entries that are no longer desired and whose objects are to be
	// deleted. Whether they may be is decided when it is known what of it moved to
	// another unit (pkg/delivery/deletion).
	Stale []inventory.Entry
}

// Compute decides what the pass does.
func Compute(in Input) Plan {
	p := Plan{Steps: make([]Step, 0, len(in.Desired))}
	desired := make([]inventory.Entry, 0, len(in.Desired))
	for _, d := range in.Desired {
		p.Steps = append(p.Steps, in.step(d))
		desired = append(desired, inventory.Entry{ID: d.ID})
	}
	stale := in.Old.Minus(inventory.Of(desired...))
	if !in.Prune {
		p.Released = stale
		return p
	}
	p.Stale = stale
	return p
}

// step decides about one object.
func (in Input) step(d Desired) Step {
	old, known := in.Old.Lookup(d.ID)
	s := Step{Desired: d, Changed: !known || old.Record.Desired != d.Digest}
	switch {
	case s.Changed, in.Forced:
		s.Action = Apply
	case in.Watching:
		s.Action = in.correct(in.Live[d.ID])
	}
	if s.Action == Keep && in.Audit && in.Live[d.ID] == drift.Clean {
		s.Action, s.Audited = Verify, true
	}
	return s
}

// correct decides about an object whose desired state did not change.
func (in Input) correct(state drift.State) Action {
	switch state {
	case drift.Dirty, drift.Gone:
		return Apply
	case drift.Suspect:
		return Verify
	case drift.TakeoverDue, drift.Ended, drift.Foreign:
		if in.Due {
			return Apply
		}
	case drift.Unwatched:
		if in.Due {
			return Verify
		}
	case drift.Clean, drift.Terminating:
	}
	return Keep
}
