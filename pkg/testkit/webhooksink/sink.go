package webhooksink

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// maxBody is the largest request the sink records.
	maxBody = 8 << 20
	// maxRecorded bounds how many requests are kept; beyond it the oldest goes.
	maxRecorded = 100_000
)

// Options shape a sink. The zero value takes everything over plain HTTP on a
// free port of loopback.
type Options struct {
	// Address to listen on; "127.0.0.1:0" if empty.
	Address string
	// TLS serves https with a certificate of its own, see Sink.CA.
	TLS bool
	// Slack makes the sink judge and answer as Slack does: incoming webhooks at any
	// path, the API at /api/chat.postMessage.
	Slack bool
	// Clock gives the time of requests and drives slow bodies; the real one if nil.
	Clock clock.Clock
}

// Request is one request as it arrived.
type Request struct {
	// At is when the body had been read.
	At time.Time
	// Method, Host and URI are those of the request line; the URI is absolute when
	// the sink was used as a proxy.
	Method, Host, URI string
	Header            http.Header
	Body              []byte
	// Accepted reports whether the sink answered that it took the message.
	Accepted bool
}

// Sink is a running server.
type Sink struct {
	options Options
	clock   clock.Clock
	server  *httptest.Server
	stopped chan struct{}
	once    sync.Once

	mu       sync.Mutex
	faults   []Fault
	received []Request
	changed  chan struct{}
}

// Start starts a sink. Stop stops it.
func Start(o Options) (*Sink, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("listening for webhooks: %w", err)
	}
	s := &Sink{options: o, clock: o.Clock, stopped: make(chan struct{}), changed: make(chan struct{})}
	s.server = &httptest.Server{
		Listener: listener,
		Config: &http.Server{
			Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second,
			// Clients that give up in the middle of a handshake are part of the tests.
			ErrorLog: log.New(io.Discard, "", 0),
		},
	}
	if o.TLS {
		s.server.StartTLS()
	} else {
		s.server.Start()
	}
	return s, nil
}

// URL is the address of the sink, without a path.
func (s *Sink) URL() string { return s.server.URL }

// CA is the certificate of the sink in PEM; nil without TLS.
func (s *Sink) CA() []byte {
	if s.server.Certificate() == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
}

// Stop ends all connections and the server. It may be called more than once.
func (s *Sink) Stop() {
	s.once.Do(func() {
		close(s.stopped)
		s.server.CloseClientConnections()
		s.server.Close()
	})
}

// Script queues faults: the next requests meet one each, in this order, and
// those after them none.
func (s *Sink) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Received returns the requests so far, oldest first.
func (s *Sink) Received() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// Accepted returns the requests that the sink took as messages, oldest first.
func (s *Sink) Accepted() []Request {
	return slices.DeleteFunc(s.Received(), func(r Request) bool { return !r.Accepted })
}

// WaitFor returns the requests as soon as they satisfy the predicate, or an
// error that says how many had arrived when the context ended.
func (s *Sink) WaitFor(ctx context.Context, predicate func([]Request) bool) ([]Request, error) {
	for {
		s.mu.Lock()
		received, changed := slices.Clone(s.received), s.changed
		s.mu.Unlock()
		if predicate(received) {
			return received, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return received, fmt.Errorf("waiting for webhooks, %d arrived so far: %w", len(received), ctx.Err())
		case <-s.stopped:
			return received, fmt.Errorf("waiting for webhooks: the sink was stopped after %d", len(received))
		}
	}
}

func (s *Sink) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "reading the body", http.StatusRequestEntityTooLarge)
		return
	}
	fault, scripted := s.nextFault()
	answer := reply{status: http.StatusOK}
	if s.options.Slack {
		answer = judge(r, body)
	}
	request := Request{
		At: s.clock.Now(), Method: r.Method, Host: r.Host, URI: r.RequestURI,
		Header: r.Header.Clone(), Body: body, Accepted: answer.ok() && fault.success(),
	}
	s.record(request)
	if scripted {
		s.fail(w, r, fault, echo(request))
		return
	}
	w.Header().Set("Content-Type", answer.contentType())
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

func (s *Sink) nextFault() (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return Fault{}, false
	}
	fault := s.faults[0]
	s.faults = s.faults[1:]
	return fault, fault != Fault{}
}

func (s *Sink) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.received) == maxRecorded {
		s.received = s.received[1:]
	}
	s.received = append(s.received, r)
	close(s.changed)
	s.changed = make(chan struct{})
}

func echo(r Request) string {
	var out bytes.Buffer
	_ = json.NewEncoder(&out).Encode(map[string]any{"uri": r.URI, "header": r.Header, "body": string(r.Body)})
	return out.String()
}
