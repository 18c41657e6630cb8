package correction

import (
	"maps"
	"slices"
	"time"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
)

// State is the account of one unit. Its methods never change a map that an earlier
// copy of the state has.
type State struct {
	// Fights are the objects that somebody keeps changing.
	Fights map[inventory.ID]Fight
	// Drift are the objects that were found to differ and are left, because the spec
	// asks for a warning only.
	Drift map[inventory.ID]Drift
	// Audit is when every object is next verified; zero before the first pass.
	Audit time.Time
}

// Pass is what the account has to know of a pass.
type Pass struct {
	// Start is when it began, Interval that of the unit.
	Start    time.Time
	Interval time.Duration
	// Seen is what was known of the live objects before anything was applied.
	Seen map[inventory.ID]live.Finding
}

// Expire drops the fights that are over.
func (s *State) Expire(p Pass) { s.Fights = current(s.Fights, p) }

// BackOff removes from Seen the objects that were corrected a moment ago: somebody
// keeps changing them, and each correction waits longer than the one before. It
// returns when the first of them is due; zero when there is none.
func (s *State) BackOff(p Pass) (next time.Time) {
	for id, seen := range p.Seen {
		switch seen.State {
		case drift.Dirty, drift.Suspect, drift.Gone, drift.Ended:
		default:
			continue
		}
		until := s.Fights[id].Until(p.Interval)
		if !p.Start.Before(until) {
			continue
		}
		delete(p.Seen, id)
		if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	return next
}

// Corrected enters the corrections of a pass: what was applied although it was to
// stay as it was. Changed are the objects that were to become something else.
func (s *State) Corrected(p Pass, results []apply.Result, changed map[inventory.ID]bool) {
	fights := maps.Clone(s.Fights)
	if fights == nil {
		fights = map[inventory.ID]Fight{}
	}
	for _, r := range results {
		if changed[r.ID] || r.Action != apply.Configured && r.Action != apply.Created {
			continue
		}
		fight := fights[r.ID].Corrected(p.Start, p.Interval)
		if by := p.Seen[r.ID].By; by != nil {
			fight.Rival = by.String()
		}
		fights[r.ID] = fight
	}
	s.Fights = current(fights, p)
}

// current returns the fights that are not over.
func current(fights map[inventory.ID]Fight, p Pass) map[inventory.ID]Fight {
	fights = maps.Clone(fights)
	maps.DeleteFunc(fights, func(_ inventory.ID, f Fight) bool { return f.Over(p.Start, p.Interval) })
	return fights
}

// Left enters what a pass found to differ and left, and returns a sentence about
// each object of which that is new. Desired are the objects that the unit wants.
func (s *State) Left(p Pass, results []apply.Result, desired []inventory.ID) (found []string) {
	drift := maps.Clone(s.Drift)
	if drift == nil {
		drift = map[inventory.ID]Drift{}
	}
	for _, r := range results {
		if !IsLeft(r) {
			delete(drift, r.ID)
			continue
		}
		now := Drift{Since: p.Start, Gone: r.Action == apply.Missing}
		if by := p.Seen[r.ID].By; by != nil {
			now.By = *by
		}
		if before, known := drift[r.ID]; known && before.Gone == now.Gone {
			now.Since = before.Since
		} else {
			found = append(found, now.String(r.ID))
		}
		drift[r.ID] = now
	}
	maps.DeleteFunc(drift, func(id inventory.ID, _ Drift) bool { return !slices.Contains(desired, id) })
	s.Drift = drift
	slices.Sort(found)
	return found
}

// IsLeft reports that an object was found to differ and was left as it is.
func IsLeft(r apply.Result) bool { return r.Action == apply.Drifted || r.Action == apply.Missing }
