package controller

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
)

// collector turns the numbers of the outbox into metrics.
type collector struct {
	stats func() outbox.Stats
}

type metric struct {
	name, help string
	kind       prometheus.ValueType
	value      func(outbox.Stats) float64
}

func outboxMetrics() []metric {
	return []metric{
		{"capstan_outbox_pending", "Notifications that wait to be delivered.", prometheus.GaugeValue,
			func(s outbox.Stats) float64 { return float64(s.Pending) }},
		{"capstan_outbox_bytes", "Bytes that waiting notifications take.", prometheus.GaugeValue,
			func(s outbox.Stats) float64 { return float64(s.Bytes) }},
		{"capstan_outbox_oldest_timestamp_seconds", "When the oldest waiting notification was stored; 0 if none waits.", prometheus.GaugeValue, oldest},
		{"capstan_outbox_sent_total", "Notifications that were delivered.", prometheus.CounterValue,
			func(s outbox.Stats) float64 { return float64(s.Sent) }},
		{"capstan_outbox_failed_attempts_total", "Attempts to deliver that failed.", prometheus.CounterValue,
			func(s outbox.Stats) float64 { return float64(s.Failed) }},
		{"capstan_outbox_dead_total", "Notifications that were given up.", prometheus.CounterValue,
			func(s outbox.Stats) float64 { return float64(s.Dead) }},
		{"capstan_outbox_dropped_total", "Notifications that were dropped because the outbox was full.", prometheus.CounterValue,
			func(s outbox.Stats) float64 { return float64(s.Dropped) }},
		{"capstan_outbox_damaged_total", "Notifications that could not be read back from disk.", prometheus.CounterValue,
			func(s outbox.Stats) float64 { return float64(s.Damaged) }},
	}
}

func oldest(s outbox.Stats) float64 {
	if s.Oldest.IsZero() {
		return 0
	}
	return float64(s.Oldest.Unix())
}

// Describe names nothing: which metrics there are follows from Collect.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the numbers of the moment.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.stats()
	for _, m := range outboxMetrics() {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(m.name, m.help, nil, nil), m.kind, m.value(s))
	}
}
