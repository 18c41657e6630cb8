package rig

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

// Setup is the world that a cell needs. Setups can be compared: cells of the same setup share a world.
type Setup struct {
	Shape fleet.Shape
	// OneAtATime has kustomize-controller apply one object of a unit at a time.
	OneAtATime bool
	// Without names the feature gates of kustomize-controller that are off, with commas between.
	Without string
}

// Cell is a scenario.
type Cell struct {
	Name, About string
	// From says where the targets come from.
	From string
	// Limit is how long the cell may take; DefaultLimit if zero.
	Limit time.Duration
	// Setup is what it needs, given how large it is to be; nil if it needs what the table has, at each number of units.
	Setup func(Scale) Setup
	// Bare says that it needs a world without units, and makes them itself.
	Bare bool
	Run  func(context.Context, *Rig) ([]report.Step, error)
}

// DefaultLimit is how long a cell may take if it does not say.
const DefaultLimit = 3 * time.Minute

// limit returns how long the cell may take.
func (c Cell) limit() time.Duration {
	if c.Limit == 0 {
		return DefaultLimit
	}
	return c.Limit
}

// Scale is how large scenarios are, 1 being their own size.
type Scale float64

// Of returns a scaled number, at least 1.
func (s Scale) Of(n int) int { return max(1, int(float64(n)*float64(s)+0.5)) }
