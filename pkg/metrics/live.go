package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Watched are the numbers of a live table.
type Watched struct {
	// Watches is the number of kinds that are watched.
	Watches int
	// Objects is the number of objects that are seen and in an inventory.
	Objects int
	// Dropped is the number of labelled objects that are in no inventory of the
	// unit they name.
	Dropped int
}

// live reads the numbers once for each scrape.
type live struct {
	read                      func() Watched
	watches, objects, dropped *prometheus.Desc
}

// NewLive registers the numbers of the live table, which read returns.
func NewLive(registry prometheus.Registerer, read func() Watched) {
	registry.MustRegister(&live{
		read:    read,
		watches: prometheus.NewDesc("capstan_live_watches", "Kinds that are watched for drift.", nil, nil),
		objects: prometheus.NewDesc("capstan_live_objects", "Applied objects that the watches see.", nil, nil),
		dropped: prometheus.NewDesc("capstan_live_dropped_objects", "Labelled objects that are in no inventory of the unit they name.", nil, nil),
	})
}

// Describe names the metrics.
func (l *live) Describe(to chan<- *prometheus.Desc) {
	to <- l.watches
	to <- l.objects
	to <- l.dropped
}

// Collect reads the numbers.
func (l *live) Collect(to chan<- prometheus.Metric) {
	w := l.read()
	to <- prometheus.MustNewConstMetric(l.watches, prometheus.GaugeValue, float64(w.Watches))
	to <- prometheus.MustNewConstMetric(l.objects, prometheus.GaugeValue, float64(w.Objects))
	to <- prometheus.MustNewConstMetric(l.dropped, prometheus.GaugeValue, float64(w.Dropped))
}

// NewDrifted registers the number of objects of a unit that differ from
// what was applied and are left so, and returns what sets it; zero drops the
// series.
func NewDrifted(registry prometheus.Registerer) func(unit types.NamespacedName, objects int) {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "capstan_drifted_objects",
		Help: "Objects that differ from what was applied and are left so, because only a warning is asked for.",
	}, []string{"name", "namespace"})
	registry.MustRegister(gauge)
	return func(unit types.NamespacedName, objects int) {
		labels := prometheus.Labels{"name": unit.Name, "namespace": unit.Namespace}
		if objects == 0 {
			gauge.Delete(labels)
			return
		}
		gauge.With(labels).Set(float64(objects))
	}
}
