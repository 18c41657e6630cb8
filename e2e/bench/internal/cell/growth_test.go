package cell

import (
	"math"
	"testing"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

func commitAt(units int, changed, nothing float64) report.Cell {
	return report.Cell{Name: commitCell, Units: units, Steps: []report.Step{
		{Name: oneFile, Figures: []report.Figure{report.Of(cpuOfAll, changed, "s")}},
		{Name: unread, Figures: []report.Figure{report.Of(cpuOfAll, nothing, "s")}},
	}}
}

func TestGrowth(t *testing.T) {
	cases := map[string]struct {
		few, many report.Cell
		apart     float64
		met       bool
		why       string
	}{
		"Constant":    {commitAt(100, 1.2, 1), commitAt(400, 4.2, 4), 1, true, "only the status writes have grown"},
		"Linear":      {commitAt(100, 1.2, 1), commitAt(400, 4.8, 4), 2, true, "it has doubled with every doubling, and no more"},
		"Quadratic":   {commitAt(100, 1.2, 1), commitAt(400, 7.2, 4), 4, false, "twice the units cost four times as much"},
		"Unmeasured":  {commitAt(100, 1, 1), commitAt(400, 4, 4.1), 1, true, "what is not seen has not grown"},
		"OtherOrder":  {commitAt(400, 4.8, 4), commitAt(100, 1.2, 1), 2, true, "the order of the run does not matter"},
		"FromNothing": {commitAt(100, 1, 1), commitAt(200, 2+4*resolution, 2), 4, false, "less than the resolution counts as that"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := Growth([]report.Cell{tc.few, {Name: "noop"}, tc.many})
			if !ok || len(got.Steps) != 1 {
				t.Fatalf("two sizes give %d steps, want 1", len(got.Steps))
			}
			f := got.Steps[0].Figures[0]
			if math.Abs(f.Value-tc.apart) > 1e-6 {
				t.Errorf("it grows %v times per doubling, want %v, because %s", f.Value, tc.apart, tc.why)
			}
			if math.Abs(f.Value-doubling) > 1e-6 && f.Met() != tc.met {
				t.Errorf("the target is met: %t, because %s", f.Met(), tc.why)
			}
		})
	}
	if _, ok := Growth([]report.Cell{commitAt(100, 1, 1)}); ok {
		t.Error("one size has a growth")
	}
}
