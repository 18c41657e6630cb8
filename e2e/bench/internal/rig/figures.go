package rig

import (
	"slices"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

// DriftLatency is how many milliseconds an edit may live at the 99th percentile.
const DriftLatency = 300

// Milliseconds of a duration.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Percentile of durations, the nearest rank.
func Percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// Latencies returns the median and the 99th percentile, with a limit for the latter in milliseconds.
func Latencies(what string, all []time.Duration, limit float64) []report.Figure {
	return []report.Figure{
		report.Of(what+", p50", Milliseconds(Percentile(all, 50)), "ms"),
		report.AtMost(what+", p99", Milliseconds(Percentile(all, 99)), "ms", limit),
	}
}
