package mechanism

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

// TestCompare tries in rounds, there and back, and compares the middle of what was measured.
func TestCompare(t *testing.T) {
	var order []string
	wall := map[string][]float64{"with": {100, 200}, "without": {350, 250}}
	noise := map[string][]float64{"with": {1, 9}, "without": {8, 40}}
	steps, err := compare(t.Context(), switched("Gate"), func(_ context.Context, v variant) ([]report.Step, error) {
		order = append(order, v.name+v.gates)
		value := wall[v.name][0]
		chance := noise[v.name][0]
		wall[v.name], noise[v.name] = wall[v.name][1:], noise[v.name][1:]
		return []report.Step{{Name: "act", Figures: []report.Figure{
			report.AtMost("wall", value, "ms", 500), report.Of("requests", 0, ""), report.Of("CPU", 3*value, "s"),
			report.AtMost("noise", chance, "", 50),
		}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"with", "withoutGate", "withoutGate", "with"}, order); diff != "" {
		t.Errorf("the order of trials (-want +got):\n%s", diff)
	}
	for i := range steps {
		steps[i].Use = meter.Use{}
	}
	want := []report.Step{
		{Name: "act, with", Figures: []report.Figure{
			report.AtMost("wall", 150, "ms", 500), report.Of("requests", 0, ""), report.Of("CPU", 450, "s"),
			report.AtMost("noise", 5, "", 50),
		}},
		{Name: "act, without", Figures: []report.Figure{
			report.AtMost("wall", 300, "ms", 500), report.Of("requests", 0, ""), report.Of("CPU", 900, "s"),
			report.AtMost("noise", 24, "", 50),
		}},
		{Name: "act, without / with", Figures: []report.Figure{
			report.Of("wall", 2, "times"), report.Of("requests", 1, "times"), report.Of("CPU", 2, "times"),
			report.Of("noise", 4.8, "times"),
		}},
		{Name: "in all", Figures: []report.Figure{
			report.AtLeast("most that a figure with a target grows by, without", 2, "times", worth),
		}},
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
