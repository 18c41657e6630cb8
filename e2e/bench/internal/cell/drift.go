package cell

import (
	"context"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

// edits is how many objects are edited. Every cell edits objects of its own: one that drifts again is corrected later.
const edits = 100

func drift(ctx context.Context, b *Bench) ([]report.Step, error) {
	var latencies []time.Duration
	use, err := b.measure(ctx, "edits", 10*time.Second, func(ctx context.Context) error {
		for i, unit := range b.some(0, edits) {
			latency, err := b.correctValue(ctx, unit, fmt.Sprintf("edit-%d", i))
			if err != nil {
				return err
			}
			latencies = append(latencies, latency)
		}
		return nil
	})
	return []report.Step{{Name: "edits", Use: use, Figures: append(latencyFigures(latencies, driftLatency),
		report.Of("requests per edit", float64(use.Total())/float64(max(len(latencies), 1)), "each"),
		report.Of("CPU of the controllers", use.CPU(), "s"),
		report.AtMost("peak memory of source + kustomize", use.Peak(), "MiB", memory),
	)}}, err
}

// reserved units at the end are for cells that need one of their own.
const reserved = 2

// some returns n units from the first on, or fewer if there are not so many, without those that are reserved.
func (b *Bench) some(first, n int) []fleet.Unit {
	all := b.Fleet.Units[:max(1, len(b.Fleet.Units)-reserved)]
	first = min(first, len(all)-min(n, len(all)))
	return all[first:min(first+n, len(all))]
}

// last returns one of the reserved units, or what there is.
func (b *Bench) last(i int) fleet.Unit { return b.Fleet.Units[max(0, len(b.Fleet.Units)-1-i)] }

// correctValue edits a ConfigMap and returns how long the edit lived after the API server had answered it.
func (b *Bench) correctValue(ctx context.Context, unit fleet.Unit, edit string) (time.Duration, error) {
	want := b.Fleet.Value(unit.Key())
	version, err := b.Fleet.EditValue(ctx, unit, edit)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	at, err := b.Fleet.AwaitValue(ctx, unit.Key(), want, version)
	return at.Sub(began), err
}

func latencyFigures(latencies []time.Duration, limit float64) []report.Figure {
	return []report.Figure{
		report.Of("corrected, p50", milliseconds(percentile(latencies, 50)), "ms"),
		report.AtMost("corrected, p99", milliseconds(percentile(latencies, 99)), "ms", limit),
	}
}
