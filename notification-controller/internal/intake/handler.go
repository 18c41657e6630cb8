package intake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
)

const (
	// maxBody is the largest request body that is read.
	maxBody = 3 << 20
	// maxInFlight bounds how many bodies are in memory at a time; further requests
	// wait.
	maxInFlight = 32
)

// Options configure an intake. Accept and Clock are needed.
type Options struct {
	// Interval is how long an event that says the same again is a duplicate.
	Interval time.Duration
	// Accept takes responsibility for an event: it returns nil once nothing of it can
	// be lost any more.
	Accept func(ctx context.Context, event eventv1.Event) error
	Clock  clock.PassiveClock
	// Count records every request that was answered; nil is allowed.
	Count Counter
	Log   logr.Logger
}

// Handler accepts events at any path.
type Handler struct {
	options Options
	dedupe  *dedupe
	slots   chan struct{}
}

// NewHandler returns a handler.
func NewHandler(o Options) *Handler {
	return &Handler{options: o, dedupe: newDedupe(o.Interval, o.Clock), slots: make(chan struct{}, maxInFlight)}
}

// ServeHTTP takes one event: 202 if it was accepted or nobody wants it, 429 for a
// duplicate, 413 or 400 for what is no event, 503 if it could not be stored.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	observe(h.options.Count, h.options.Clock, w, r, h.serve)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-r.Context().Done():
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, err)
		return
	}
	event, err := decode(body)
	if err != nil {
		h.options.Log.Error(err, "refusing a request")
		http.Error(w, "the body is not an event", http.StatusBadRequest)
		return
	}
	h.take(w, r, event)
}

func (h *Handler) take(w http.ResponseWriter, r *http.Request, event eventv1.Event) {
	clean(&event)
	dedupeKey := key(&event)
	delete(event.Metadata, eventv1.Key(route.Group(&event), eventv1.MetaTokenKey))
	until, duplicate, err := h.dedupe.take(r.Context(), dedupeKey, func() error {
		return h.options.Accept(r.Context(), event)
	})
	log := h.options.Log.WithValues("reconciler kind", event.InvolvedObject.Kind,
		"name", event.InvolvedObject.Name, "namespace", event.InvolvedObject.Namespace, "reason", event.Reason)
	if err != nil {
		log.Error(err, "accepting an event")
		http.Error(w, "the event could not be stored, send it again", http.StatusServiceUnavailable)
		return
	}
	limits(w.Header(), until)
	if duplicate {
		log.V(1).Info("turning a duplicate away")
		w.Header().Set("Retry-After", until.UTC().Format(http.TimeFormat))
		http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func refuse(w http.ResponseWriter, err error) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		http.Error(w, "the body is larger than "+strconv.Itoa(maxBody)+" bytes", http.StatusRequestEntityTooLarge)
		return
	}
	http.Error(w, "reading the body", http.StatusBadRequest)
}

// limits sets the headers of a limiter that lets one event of a key pass in an
// interval.
func limits(header http.Header, until time.Time) {
	header.Set("X-RateLimit-Limit", "1")
	header.Set("X-RateLimit-Remaining", "0")
	header.Set("X-RateLimit-Reset", until.UTC().Format(http.TimeFormat))
}
