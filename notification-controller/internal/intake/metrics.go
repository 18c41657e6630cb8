package intake

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// maxHandlers bounds how many paths get series of their own; a client may send
// to any path.
const maxHandlers = 100

// Counter records requests.
type Counter interface {
	// Begin is called when a request arrives; what it returns, when it was answered.
	Begin(method, path string) func(status, bytes int, took time.Duration)
}

// Metrics is the Counter that fills the gotk_event_http metrics.
type Metrics struct {
	perPath  bool
	paths    chan map[string]struct{} // a lock that holds what it guards
	duration *prometheus.HistogramVec
	size     *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
}

// NewMetrics registers the metrics. Without perPath all requests share the
// handler "/".
func NewMetrics(registry prometheus.Registerer, perPath bool) (*Metrics, error) {
	labels := []string{"service", "handler", "method", "code"}
	m := &Metrics{
		perPath: perPath, paths: make(chan map[string]struct{}, 1),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gotk_event_http_request_duration_seconds", Help: "How long requests to the event endpoint took.",
		}, labels),
		size: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gotk_event_http_response_size_bytes", Help: "How large the answers of the event endpoint were.",
			Buckets: prometheus.ExponentialBuckets(100, 10, 8),
		}, labels),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "gotk_event_http_requests_inflight", Help: "How many requests the event endpoint is answering.",
		}, []string{"service", "handler"}),
	}
	m.paths <- map[string]struct{}{}
	for _, c := range []prometheus.Collector{m.duration, m.size, m.inFlight} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Begin records one request.
func (m *Metrics) Begin(method, path string) func(status, bytes int, took time.Duration) {
	handler := m.handler(path)
	running := m.inFlight.WithLabelValues("", handler)
	running.Inc()
	return func(status, bytes int, took time.Duration) {
		running.Dec()
		values := []string{"", handler, methodLabel(method), strconv.Itoa(status)}
		m.duration.WithLabelValues(values...).Observe(took.Seconds())
		m.size.WithLabelValues(values...).Observe(float64(bytes))
	}
}

func (m *Metrics) handler(path string) string {
	if !m.perPath {
		return "/"
	}
	seen := <-m.paths
	defer func() { m.paths <- seen }()
	if _, known := seen[path]; !known {
		if len(seen) >= maxHandlers {
			return "other"
		}
		seen[path] = struct{}{}
	}
	return path
}

// methodLabel keeps invented methods from making series.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// answer records what was answered.
type answer struct {
	http.ResponseWriter
	status, bytes int
}

// WriteHeader records the status.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (a *answer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.bytes += n
	return n, err
}

func observe(c Counter, now clock.PassiveClock, w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	if c == nil {
		serve(w, r)
		return
	}
	start := now.Now()
	end := c.Begin(r.Method, r.URL.Path)
	a := &answer{ResponseWriter: w, status: http.StatusOK}
	defer func() { end(a.status, a.bytes, now.Since(start)) }()
	serve(a, r)
}
