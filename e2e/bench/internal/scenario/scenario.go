// Package scenario has the scenarios that are not part of the engine's table of targets, a file each. Each
// has a size of its own.
package scenario

import (
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	engine = "targets of the engine"
	issue  = "issue of kustomize-controller"
)

// All returns the scenarios in the order in which they are run.
func All() []rig.Cell {
	return []rig.Cell{
		{
			Name: "s2", About: "three idle minutes at an interval of one minute, then three with the status of every tenth Deployment written every second",
			From: "scenario S2; " + engine, Limit: 9 * time.Minute, Setup: table, Run: idleMinutes,
		},
		{
			Name: "s6", About: "a rogue writer flips an owned field ten times a second", From: "scenario S6; " + engine,
			Setup: table, Run: fight,
		},
		{
			Name: "s7", About: "both controllers are killed with -9, their local storage kept and emptied",
			From: "scenario S7; " + engine, Setup: table, Run: storm,
		},
		{
			Name: "s4", About: "commits to a repository of 10,000 other files: one file, and a base that a tenth of the units share",
			From: "scenario S4; " + engine, Setup: wideSetup, Run: wide,
		},
		{
			Name: "s5", About: "kinds of drift, one object at a time and a hundred at once", From: "scenario S5; " + engine,
			Limit: 6 * time.Minute, Setup: sized(300, 20), Run: driftKinds,
		},
		{
			Name: "s8", About: "one unit of 5,000 objects: its first apply, at once and one object at a time, a pass without change, a change of one object",
			From: issue, Limit: 15 * time.Minute, Setup: noUnits, Bare: true, Run: hugeUnit,
		},
		{
			Name: "s14", About: "every unit takes values from five ConfigMaps and Secrets", From: "scenario S14",
			Setup: sized(200, 4), Bare: true, Run: substitutes,
		},
		{
			Name: "s15", About: "30 of 128 units never become healthy; commits to the others, before and meanwhile", From: "scenario S15",
			Limit: 5 * time.Minute, Setup: waiting(128), Run: failingNeighbours,
		},
		{
			Name: "s20", About: "20 units depend on one another in a chain", From: "scenario S20",
			Setup: sized(20, 1), Bare: true, Run: chain,
		},
		{
			Name: "s21", About: "50 remote clusters, 50 ms away, of 10 units each", From: "scenario S21; nothing is promised in numbers",
			Limit: 8 * time.Minute, Setup: sized(500, 4), Bare: true, Run: remoteClusters,
		},
		{
			Name: "s22", About: "100 foreign kinds are defined while all units are idle", From: "scenario S22",
			Setup: sized(500, 4), Run: churn,
		},
		{
			Name: "memory", About: "units grow from 4 to 20 objects: what an object more costs in memory", From: issue,
			Limit: 6 * time.Minute, Setup: sized(500, 4), Run: growObjects,
		},
	}
}

// table is the setup of the engine's table.
func table(scale rig.Scale) rig.Setup { return sized(300, 4)(scale) }

// noUnits is a world without units.
func noUnits(rig.Scale) rig.Setup { return rig.Setup{} }

func sized(units, objects int) func(rig.Scale) rig.Setup {
	return func(scale rig.Scale) rig.Setup {
		return rig.Setup{Shape: fleet.Shape{Units: scale.Of(units), Objects: objects}}
	}
}

func waiting(units int) func(rig.Scale) rig.Setup {
	return func(scale rig.Scale) rig.Setup {
		return rig.Setup{Shape: fleet.Shape{Units: scale.Of(units), Objects: 4, Wait: true}}
	}
}

// costs are figures without a target that most steps have.
func costs(use meter.Use) []report.Figure {
	return []report.Figure{
		report.Of("requests", float64(use.Total()), ""),
		report.Of("CPU of the controllers", use.CPU(), "s"),
		report.Of("peak memory of source + kustomize", use.Peak(), "MiB"),
	}
}
