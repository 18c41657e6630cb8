// Package cell has the scenarios of the table that the engine has targets for, a file each. They share a world, in their
// order.
package cell

import "github.com/capstan-gitops/capstan/e2e/bench/internal/rig"

// from says where the targets stand.
const from = "targets of the engine"

// All returns the cells in the order in which they are run.
func All() []rig.Cell {
	cells := []rig.Cell{
		{Name: "install", About: "all units are created, until all are ready", Bare: true, Run: Install},
		{Name: "noop", About: "all units are asked to reconcile with nothing changed, until all have answered (S3)", Run: Noop},
		{Name: "tick", About: "the interval of every unit passes once with nothing dirty", Run: tick},
		{Name: "commit", About: "a commit changes one file of a random unit, and one that no unit reads (S4)", Run: commit},
		{Name: "drift", About: "an owned field of a hundred objects is edited by hand, one after another", Run: Drift},
		{Name: "restart", About: "both controllers are killed and started again with nothing changed", Run: Restart},
	}
	for i := range cells {
		cells[i].From = from
	}
	return cells
}
