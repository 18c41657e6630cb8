package phase

import (
	"maps"
	"time"

	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// holdBack leaves out objects that were corrected a moment ago: somebody keeps
// changing them, and is given more time each time. The unit is looked at again
// when the first of them is due.
func (p *Phases) holdBack(s *Scope) {
	s.Memory.Fights = peace(maps.Clone(s.Memory.Fights), s.Start, s.Interval)
	if s.Due {
		return
	}
	for id, found := range s.Live.Objects {
		switch found.State {
		case drift.Dirty, drift.Suspect, drift.Gone, drift.Ended:
		default:
			continue
		}
		until := s.Memory.Fights[id].Until(s.Interval)
		if !s.Start.Before(until) {
			continue
		}
		delete(s.Live.Objects, id)
		if s.Next.IsZero() || until.Before(s.Next) {
			s.Next = until
		}
	}
}

// fought enters the corrections of a pass.
func (p *Phases) fought(s *Scope, report apply.Report) {
	changed := make(map[inventory.ID]bool, len(s.Plan.Steps))
	for _, step := range s.Plan.Steps {
		changed[step.ID] = step.Changed
	}
	fights := maps.Clone(s.Memory.Fights)
	if fights == nil {
		fights = map[inventory.ID]plan.Fight{}
	}
	for _, r := range report.Results {
		if changed[r.ID] || r.Action != apply.Configured && r.Action != apply.Created {
			continue
		}
		fight := fights[r.ID].Corrected(s.Start, s.Interval)
		if by := s.Live.Objects[r.ID].By; by != nil {
			fight.Rival = by.String()
		}
		fights[r.ID] = fight
	}
	s.Memory.Fights = peace(fights, s.Start, s.Interval)
}

// peace drops the fights that are over.
func peace(fights map[inventory.ID]plan.Fight, now time.Time, interval time.Duration) map[inventory.ID]plan.Fight {
	maps.DeleteFunc(fights, func(_ inventory.ID, f plan.Fight) bool { return f.Over(now, interval) })
	return fights
}
