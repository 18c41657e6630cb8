// Package mechanism measures what each mechanism that spares work is worth: the same is done with it and without it, in rounds,
// and the figures are compared. A file has the cells of one mechanism or of two that are tried in the same way.
package mechanism

import (
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// from says where the targets stand.
const from = "targets of the engine, and a tenth that a mechanism is to be worth"

const (
	// units of four objects are what the engine has targets for.
	units, objects = 300, 4
	// builtUnits have many objects each, and enough of them for a hundred that are edited one by one and a hundred at once.
	builtUnits, builtObjects = 230, 20
	// namedUnits refer to a ConfigMap of their own each.
	namedUnits = 600
	// limit is how long a cell may take.
	limit = 8 * time.Minute
)

// Feature gates of kustomize-controller.
const (
	coalesceLists     = "CoalesceLists"
	widenNamedWatches = "WidenNamedWatches"
	deferStatus       = "DeferStatus"
	cacheBuilds       = "CacheBuilds"
)

// All returns the cells in the order in which they are run.
func All() []rig.Cell {
	cells := []rig.Cell{
		{
			Name: "mechanism-lists", About: "all units are asked to reconcile with nothing changed, with lists that wait for more callers and without",
			Setup: shaped(fleet.Shape{Units: units, Objects: objects}), Run: lists,
		},
		{
			Name: "mechanism-watches", About: "every unit takes a value from a ConfigMap of its own, and the controllers are started anew, with watches that are widened and without",
			Setup: shaped(fleet.Shape{Units: namedUnits, Objects: objects}), Bare: true, Run: watches,
		},
		{
			Name: "mechanism-status", About: "an installation that waits for health, and a hundred edits at once, with statuses that are deferred and without",
			Setup: noUnits, Bare: true, Run: worlds(deferStatus, fleet.Shape{Units: units, Objects: objects, Wait: true}, installAndEdit),
		},
		{
			Name: "mechanism-builds", About: "a hundred edits one by one, and a hundred at once, with results of builds that are kept and without",
			Setup: noUnits, Bare: true, Run: worlds(cacheBuilds, fleet.Shape{Units: builtUnits, Objects: builtObjects}, edit),
		},
	}
	for i := range cells {
		cells[i].From, cells[i].Limit = from, limit
	}
	return cells
}

// noUnits is a world that stays idle: such cells open others, a new one for each trial.
func noUnits(rig.Scale) rig.Setup { return rig.Setup{} }

func shaped(shape fleet.Shape) func(rig.Scale) rig.Setup {
	return func(scale rig.Scale) rig.Setup {
		shape := shape
		shape.Units = scale.Of(shape.Units)
		return rig.Setup{Shape: shape}
	}
}

// named returns a step with another name.
func named(step report.Step, name string) report.Step {
	step.Name = name
	return step
}
