package cell

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	// variantLimit is how long an installation may take.
	variantLimit = 6 * time.Minute
	// fieldWall is what the field's published benchmark may take, in milliseconds; it was published with 4 min 13 s.
	fieldWall = 60000
	// fieldUnits is how many units it has.
	fieldUnits = 1000
)

// Variants returns the installations of S1 that differ from the table's in one thing each, and the field's benchmark.
func Variants() []rig.Cell {
	base := fleet.Shape{Units: atUnits, Objects: atObjects}
	with := func(change func(*fleet.Shape)) fleet.Shape {
		shape := base
		change(&shape)
		return shape
	}
	field := fleet.Shape{Units: fieldUnits, Objects: atObjects, Wait: true, OwnSources: true}
	pods := field
	pods.Pods = 1
	return []rig.Cell{
		variant("s1-n20", "S1 with 20 objects a unit", with(func(s *fleet.Shape) { s.Objects = 20 }), Install),
		variant("s1-wait", "S1, units wait for health", with(func(s *fleet.Shape) { s.Wait = true }), Install),
		variant("s1-sources", "S1, a source for each unit, made with it", with(func(s *fleet.Shape) { s.OwnSources = true }), installSources),
		variant("s1-sources-wait", "S1, a source for each unit, and units wait for health",
			with(func(s *fleet.Shape) { s.OwnSources, s.Wait = true, true }), installSources),
		variant("s1-tenants", "S1, a ServiceAccount with a Role in each namespace is impersonated",
			with(func(s *fleet.Shape) { s.Tenancy = fleet.TenantEach }), Install),
		variant("s1-tenant", "S1, one ServiceAccount with a Role in every namespace is impersonated",
			with(func(s *fleet.Shape) { s.Tenancy = fleet.TenantShared }), Install),
		variant("s1-crds-250", "S1 in a cluster of 250 foreign kinds", with(func(s *fleet.Shape) { s.Definitions = 250 }), Install),
		variant("s1-crds-500", "S1 in a cluster of 500 foreign kinds", with(func(s *fleet.Shape) { s.Definitions = 500 }), Install),
		variant("s1-field", "the field's published benchmark: a source each, and units wait; their Deployments have no pods", field, installField),
		variant("s1-field-pods", "the same with a pod each, which kwok makes ready", pods, installField),
	}
}

func variant(name, about string, shape fleet.Shape, run func(context.Context, *rig.Rig) ([]report.Step, error)) rig.Cell {
	return rig.Cell{
		Name: name, About: about, From: "scenario S1; targets of the engine", Limit: variantLimit, Bare: true, Run: run,
		Setup: func(scale rig.Scale) rig.Setup {
			shape := shape
			shape.Units = scale.Of(shape.Units)
			if shape.Definitions > 0 {
				shape.Definitions = scale.Of(shape.Definitions)
			}
			return rig.Setup{Shape: shape}
		},
	}
}

// installSources judges times only: nothing is promised of what sources ask for.
func installSources(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	return installWithSources(ctx, r, targetsOf(r).installWork(installWall))
}

func installField(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	return installWithSources(ctx, r, fieldWall)
}

func installWithSources(ctx context.Context, r *rig.Rig, limit float64) ([]report.Step, error) {
	wall, use, err := r.Install(ctx)
	units := float64(len(r.Fleet.Units))
	return []report.Step{{Name: "sources and units", Use: use, Figures: []report.Figure{
		report.AtMost("until all are ready", rig.Milliseconds(wall), "ms", limit),
		report.Of("requests", float64(use.Total()), ""),
		report.Of("requests per unit and source", float64(use.Total())/units, "each"),
		report.Of("CPU of the controllers", use.CPU(), "s"),
		report.Of("peak memory of source + kustomize", use.Peak(), "MiB"),
	}}}, err
}
