package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
)

const (
	// spoolSize bounds how many events wait while notification-controller is away.
	// Beyond it the oldest goes.
	spoolSize = 10_000
	// postTimeout is how long one request may take.
	postTimeout = 5 * time.Second
	// firstPause and maxPause bound the pause between two attempts.
	firstPause = time.Second
	maxPause   = 30 * time.Second
)

// errRefused says that the other side will never take an event.
var errRefused = errors.New("refused")

// Spool sends events to notification-controller in the order they were put, one
// at a time, and keeps them while it cannot be reached.
type Spool struct {
	address string
	client  *http.Client
	clock   clock.WithTicker
	log     logr.Logger
	dropped func()

	mu      sync.Mutex
	waiting []eventv1.Event
	wake    chan struct{}
}

// NewSpool returns a spool that posts to address. Dropped is called for every
// event that is given up; nil is allowed.
func NewSpool(address string, client *http.Client, c clock.WithTicker, log logr.Logger, dropped func()) *Spool {
	if dropped == nil {
		dropped = func() {}
	}
	return &Spool{
		address: address, client: client, clock: c, log: log, dropped: dropped, wake: make(chan struct{}, 1),
	}
}

// Put adds an event. It never blocks.
func (s *Spool) Put(event eventv1.Event) {
	s.mu.Lock()
	if len(s.waiting) == spoolSize {
		s.waiting = s.waiting[1:]
		s.dropped()
	}
	s.waiting = append(s.waiting, event)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// NeedLeaderElection says that the spool runs on every replica: events of a
// former leader still have to leave.
func (s *Spool) NeedLeaderElection() bool { return false }

// Start sends until the context ends.
func (s *Spool) Start(ctx context.Context) error {
	for {
		event, ok := s.next()
		if !ok {
			select {
			case <-ctx.Done():
				return nil
			case <-s.wake:
				continue
			}
		}
		if err := s.deliver(ctx, event); err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // being asked to stop is no failure
			}
			s.dropped()
			s.log.Error(err, "giving up an event", "reason", event.Reason,
				"kind", event.InvolvedObject.Kind, "name", event.InvolvedObject.Name, "namespace", event.InvolvedObject.Namespace)
		}
	}
}

func (s *Spool) next() (eventv1.Event, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return eventv1.Event{}, false
	}
	event := s.waiting[0]
	s.waiting = s.waiting[1:]
	return event, true
}

// deliver posts one event until it is taken, refused, or the context ends.
func (s *Spool) deliver(ctx context.Context, event eventv1.Event) error {
	body, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encoding event: %w", err)
	}
	pause := wait.Backoff{Duration: firstPause, Factor: 2, Jitter: 0.1, Cap: maxPause, Steps: 6}
	for {
		err := s.post(ctx, body)
		if err == nil || errors.Is(err, errRefused) || ctx.Err() != nil {
			return err
		}
		s.log.V(1).Info("posting an event, trying again", "error", err.Error())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.clock.After(pause.Step()):
		}
	}
}

// post sends one request. Too many requests means that the event is a duplicate,
// which is as good as taken.
func (s *Spool) post(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("posting event: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4096)
	switch {
	case resp.StatusCode < 300, resp.StatusCode == http.StatusTooManyRequests:
		return nil
	case resp.StatusCode < 500:
		return fmt.Errorf("posting event: %w with %s", errRefused, resp.Status)
	default:
		return fmt.Errorf("posting event: answered %s", resp.Status)
	}
}
