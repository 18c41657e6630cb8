package mechanism

import (
	"context"
	"fmt"
	"slices"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

const (
	// rounds is how often everything is tried with and without; the order is reversed each time, so that a machine that becomes
	// slower or faster favours nobody.
	rounds = 2
	// worth is how many times a target that a mechanism serves has to be missed by without it.
	worth = 1.1
)

// variant is one way to run kustomize-controller.
type variant struct {
	name string
	// gates are those that are off.
	gates string
}

// switched are the controller as it is and without one gate.
func switched(gate string) []variant {
	return []variant{{name: "with"}, {name: "without", gates: gate}}
}

// trial does something and returns what was measured, always in the same steps.
type trial func(ctx context.Context, v variant) ([]report.Step, error)

// compare tries all variants in rounds; the first is what the others are compared with.
func compare(ctx context.Context, variants []variant, try trial) ([]report.Step, error) {
	tried := make([][][]report.Step, len(variants))
	for round := range rounds {
		for i := range variants {
			if round%2 == 1 {
				i = len(variants) - 1 - i
			}
			steps, err := try(ctx, variants[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", variants[i].name, err)
			}
			tried[i] = append(tried[i], steps)
		}
	}
	return results(variants, tried), nil
}

// results are the middle of each variant's trials, and how it compares with that of the first. What is said in all counts a
// figure only if it was larger in every trial without than in any with: among many figures, one always looks worse by chance.
func results(variants []variant, tried [][][]report.Step) []report.Step {
	var all []report.Step
	most := slices.Repeat([]float64{1}, len(variants))
	for n := range tried[0][0] {
		base := middle(tried[0], n)
		all = append(all, named(base, base.Name+", "+variants[0].name))
		for i := 1; i < len(variants); i++ {
			other := middle(tried[i], n)
			compared := report.Step{Name: fmt.Sprintf("%s, %s / %s", base.Name, variants[i].name, variants[0].name)}
			for at, f := range base.Figures {
				times := ratio(other.Figures[at], f)
				compared.Figures = append(compared.Figures, report.Of(f.Name, times, "times"))
				if f.Limit != nil && slices.Min(values(tried[i], n, at)) > slices.Max(values(tried[0], n, at)) {
					most[i] = max(most[i], times)
				}
			}
			all = append(all, named(other, base.Name+", "+variants[i].name), compared)
		}
	}
	verdict := report.Step{Name: "in all"}
	for i := 1; i < len(variants); i++ {
		verdict.Figures = append(verdict.Figures, report.AtLeast(
			"most that a figure with a target grows by, "+variants[i].name, most[i], "times", worth))
	}
	return append(all, verdict)
}

// middle is the n-th step with the median of each figure over several trials.
func middle(trials [][]report.Step, n int) report.Step {
	step := trials[0][n]
	step.Figures = slices.Clone(step.Figures)
	var uses []meter.Use
	for _, steps := range trials {
		uses = append(uses, steps[n].Use)
	}
	step.Use = meter.Median(uses)
	for at := range step.Figures {
		step.Figures[at].Value = median(values(trials, n, at))
	}
	return step
}

// values are those of one figure of the n-th step, a trial each.
func values(trials [][]report.Step, n, at int) (all []float64) {
	for _, steps := range trials {
		all = append(all, steps[n].Figures[at].Value)
	}
	return all
}

// median is the middle value, or between the two in the middle.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// ratio compares two figures. Neither counts as less than what can be distinguished: one request or millisecond, and the
// hundredth of a second of the process table.
func ratio(a, b report.Figure) float64 {
	least := 1.0
	if a.Unit == "s" {
		least = 0.01
	}
	return max(a.Value, least) / max(b.Value, least)
}
