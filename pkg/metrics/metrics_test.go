package metrics_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/metrics"
)

// gathered returns the metric family of a name; nil when it has no series.
func gathered(t *testing.T, registry prometheus.Gatherer, name string) *dto.MetricFamily {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family
		}
	}
	return nil
}

func labels(m *dto.Metric) map[string]string {
	out := map[string]string{}
	for _, pair := range m.GetLabel() {
		out[pair.GetName()] = pair.GetValue()
	}
	return out
}

func TestReconcile(t *testing.T) {
	const family = "gotk_reconcile_duration_seconds"
	registry := prometheus.NewRegistry()
	reconcile := metrics.NewReconcile(registry)
	key := types.NamespacedName{Namespace: "apps", Name: "podinfo"}
	other := types.NamespacedName{Namespace: "apps", Name: "other"}
	reconcile.Observe("Kustomization", key, 20*time.Millisecond, false)
	reconcile.Observe("Kustomization", key, time.Hour, false)
	reconcile.Observe("Kustomization", other, time.Second, false)

	series := gathered(t, registry, family).GetMetric()
	if len(series) != 2 {
		t.Fatalf("got %d series", len(series))
	}
	podinfo := series[1]
	want := map[string]string{"kind": "Kustomization", "name": "podinfo", "namespace": "apps"}
	if diff := cmp.Diff(want, labels(podinfo)); diff != "" {
		t.Errorf("the labels are those of the contract (-want +got):\n%s", diff)
	}
	buckets := podinfo.GetHistogram().GetBucket()
	if len(buckets) != 10 || buckets[0].GetUpperBound() != 0.01 || buckets[9].GetUpperBound() < 1799 || buckets[9].GetUpperBound() > 1801 {
		t.Errorf("the contract has ten buckets from 10 ms to 30 minutes, got %v", buckets)
	}
	if h := podinfo.GetHistogram(); h.GetSampleCount() != 2 || buckets[0].GetCumulativeCount() != 0 || buckets[9].GetCumulativeCount() != 1 {
		t.Errorf("an hour is beyond the last bucket and 20 ms beyond the first, got %v", h)
	}

	reconcile.Observe("Kustomization", key, 0, true)
	series = gathered(t, registry, family).GetMetric()
	if len(series) != 1 || labels(series[0])["name"] != "other" {
		t.Errorf("the series of a deleted object goes, and no other: %v", series)
	}
}

func TestEventsDropped(t *testing.T) {
	registry := prometheus.NewRegistry()
	dropped := metrics.NewEventsDropped(registry)
	dropped.Inc()
	dropped.Inc()
	family := gathered(t, registry, "capstan_events_dropped_total")
	if got := family.GetMetric()[0].GetCounter().GetValue(); got != 2 {
		t.Errorf("counted %v", got)
	}
}
