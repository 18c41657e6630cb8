package cell

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

const (
	// doubling is what twice the units may cost for the same change, apart from the one status write a unit.
	doubling = 2
	// resolution of the process table: what is less counts as that, or a ratio would be one of rounding errors.
	resolution = 0.01 * commits
)

// Growth compares what the same commit costs at different numbers of units. A commit that no unit reads costs the status
// writes and nothing else; what one that changes a file costs beyond that is the change.
func Growth(cells []report.Cell) (report.Cell, bool) {
	growth := report.Cell{
		Name: "growth", About: "what the same commit costs with more units", From: from + ", the sentence below it",
		Shape: "from the cells named " + commitCell,
	}
	var sizes []cost
	for _, c := range cells {
		if size, ok := costOf(c); ok {
			sizes = append(sizes, size)
		}
	}
	slices.SortFunc(sizes, func(a, b cost) int { return cmp.Compare(a.units, b.units) })
	for i := 1; i < len(sizes); i++ {
		growth.Steps = append(growth.Steps, compare(sizes[i-1], sizes[i]))
		growth.Units, growth.Objects = sizes[i].units, sizes[i].objects
	}
	return growth, len(growth.Steps) > 0
}

// cost is what commits cost in CPU seconds.
type cost struct {
	units, objects  int
	changed, unread float64
}

// apart is what the change costs without the status writes.
func (c cost) apart() float64 { return max(c.changed-c.unread, resolution) }

func costOf(c report.Cell) (size cost, ok bool) {
	if c.Name != commitCell {
		return cost{}, false
	}
	found := 0
	for _, step := range c.Steps {
		for _, f := range step.Figures {
			if f.Name != cpuOfAll {
				continue
			}
			found++
			if step.Name == oneFile {
				size.changed = f.Value
			} else {
				size.unread = f.Value
			}
		}
	}
	size.units, size.objects = c.Units, c.Objects
	return size, found == 2
}

func compare(few, many cost) report.Step {
	doublings := math.Log2(float64(many.units) / float64(few.units))
	perDoubling := func(ratio float64) float64 { return math.Pow(ratio, 1/max(doublings, math.SmallestNonzeroFloat64)) }
	return report.Step{Name: fmt.Sprintf("%d to %d units", few.units, many.units), Figures: []report.Figure{
		report.AtMost("CPU apart from status writes, per doubling", perDoubling(many.apart()/few.apart()), "times", doubling),
		report.Of("CPU with status writes, per doubling",
			perDoubling(max(many.changed, resolution)/max(few.changed, resolution)), "times"),
		report.Of(fmt.Sprintf("CPU of the change alone at %d", few.units), few.apart()/commits, "s"),
		report.Of(fmt.Sprintf("CPU of the change alone at %d", many.units), many.apart()/commits, "s"),
	}}
}
