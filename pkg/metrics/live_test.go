package metrics_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/capstan-gitops/capstan/pkg/metrics"
)

// TestLive shows the numbers of the moment of each scrape, read once.
func TestLive(t *testing.T) {
	registry := prometheus.NewRegistry()
	reads := 0
	metrics.NewLive(registry, func() metrics.Watched {
		reads++
		return metrics.Watched{Watches: reads, Objects: 20 * reads, Dropped: 300 * reads}
	})
	for scrape := 1; scrape <= 2; scrape++ {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		for name, want := range map[string]int{"capstan_live_watches": 1, "capstan_live_objects": 20, "capstan_live_dropped_objects": 300} {
			if got[name] != float64(scrape*want) {
				t.Errorf("scrape %d: %s is %v", scrape, name, got[name])
			}
		}
	}
}
