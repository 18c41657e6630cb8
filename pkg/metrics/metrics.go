// Package metrics holds the names of the metrics of the wire contract and the
// recorders behind them. Metrics of one controller alone live in that
// controller.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Reconcile records how long passes take, as gotk_reconcile_duration_seconds.
type Reconcile struct {
	duration *prometheus.HistogramVec
}

// NewReconcile registers the metric.
func NewReconcile(registry prometheus.Registerer) *Reconcile {
	r := &Reconcile{duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "gotk_reconcile_duration_seconds",
		Help:    "How long a pass over an object took, in seconds.",
		Buckets: prometheus.ExponentialBucketsRange(10e-3, 1800, 10),
	}, []string{"kind", "name", "namespace"})}
	registry.MustRegister(r.duration)
	return r
}

// Observe records one pass; the series of a deleted object goes.
func (r *Reconcile) Observe(kind string, key types.NamespacedName, took time.Duration, deleted bool) {
	labels := prometheus.Labels{"kind": kind, "name": key.Name, "namespace": key.Namespace}
	if deleted {
		r.duration.DeletePartialMatch(labels)
		return
	}
	r.duration.With(labels).Observe(took.Seconds())
}

// NewEventsDropped registers the count of events that were given up because
// notification-controller could not be reached.
func NewEventsDropped(registry prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "capstan_events_dropped_total",
		Help: "Events that were given up because the event receiver could not be reached.",
	})
	registry.MustRegister(c)
	return c
}

// NewAuditDisagreements registers the count of objects that an audit found to
// differ although the watch had said nothing. It is to stay at zero.
func NewAuditDisagreements(registry prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "capstan_audit_disagreements_total",
		Help: "Objects that an audit found to differ although the watch had said nothing.",
	})
	registry.MustRegister(c)
	return c
}
