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
	Units   int    `json:"units"`
	Objects int    `json:"objectsPerUnit"`
	Seed    uint64 `json:"seed"`
}

// Cell is a scenario with its steps.
type Cell struct {
	Name    string  `json:"name"`
	About   string  `json:"about"`
	Seconds float64 `json:"seconds"`
	Steps   []Step  `json:"steps"`
}

// Step is one measured window, or the median of several.
type Step struct {
	Name    string    `json:"name"`
	Figures []Figure  `json:"figures"`
	Use     meter.Use `json:"use"`
}

// Figure is a number, and the limit that the engine has for it at 300 units of 4 objects, if it does.
type Figure struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit,omitempty"`
	Limit *float64 `json:"limit,omitempty"`
}

// Of returns a figure without a limit.
func Of(name string, value float64, unit string) Figure {
	return Figure{Name: name, Value: value, Unit: unit}
}

// AtMost returns a figure with a limit.
func AtMost(name string, value float64, unit string, limit float64) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Limit: &limit}
}

// Met tells whether the figure keeps its limit.
func (f Figure) Met() bool { return f.Limit == nil || f.Value <= *f.Limit }
