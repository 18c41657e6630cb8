// Package report says what was measured, beside what was promised: as a table for people and as JSON for programs.
package report

import (
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
)

// Report is a run of the bench.
type Report struct {
	Machine  Machine  `json:"machine"`
	Settings Settings `json:"settings"`
	Cells    []Cell   `json:"cells"`
}

// Machine is where it ran.
type Machine struct {
	CPUs       int    `json:"cpus"`
	Model      string `json:"model"`
	Kernel     string `json:"kernel"`
	Kubernetes string `json:"kubernetes"`
	Go         string `json:"go"`
}

// Settings are what was asked for.
type Settings struct {
	// Units are the numbers of units of the table, Objects are per unit of it.
	Units   []int   `json:"units"`
	Objects int     `json:"objectsPerUnit"`
	Scale   float64 `json:"scale"`
	Seed    uint64  `json:"seed"`
}

// Cell is a scenario with its steps.
type Cell struct {
	Name  string `json:"name"`
	About string `json:"about"`
	// From says where the targets come from.
	From string `json:"from,omitempty"`
	// Shape says what it was measured with.
	Shape   string  `json:"shape,omitempty"`
	Units   int     `json:"units"`
	Objects int     `json:"objectsPerUnit"`
	Seconds float64 `json:"seconds"`
	Steps   []Step  `json:"steps"`
}

// Step is one measured window, or the median of several.
type Step struct {
	Name    string    `json:"name"`
	Figures []Figure  `json:"figures"`
	Use     meter.Use `json:"use"`
}

// Figure is a number, and what it may be at most or must be at least, if anything is promised of it.
type Figure struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit,omitempty"`
	Limit *float64 `json:"limit,omitempty"`
	Least *float64 `json:"least,omitempty"`
}

// Of returns a figure without a limit.
func Of(name string, value float64, unit string) Figure {
	return Figure{Name: name, Value: value, Unit: unit}
}

// AtMost returns a figure with a limit.
func AtMost(name string, value float64, unit string, limit float64) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Limit: &limit}
}

// AtLeast returns a figure that must not be smaller.
func AtLeast(name string, value float64, unit string, least float64) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Least: &least}
}

// Judged reports whether anything is promised of the figure.
func (f Figure) Judged() bool { return f.Limit != nil || f.Least != nil }

// Met reports whether the figure is what was promised.
func (f Figure) Met() bool {
	return (f.Limit == nil || f.Value <= *f.Limit) && (f.Least == nil || f.Value >= *f.Least)
}

// Target says what was promised.
func (f Figure) Target() string {
	switch {
	case f.Limit != nil:
		return "≤ " + number(*f.Limit, f.Unit)
	case f.Least != nil:
		return "≥ " + number(*f.Least, f.Unit)
	default:
		return ""
	}
}

// Measured says what was measured.
func (f Figure) Measured() string { return number(f.Value, f.Unit) }
