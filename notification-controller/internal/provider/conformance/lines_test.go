package conformance_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/conformance"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
	"github.com/capstan-gitops/capstan/pkg/egress"
)

// The protocol of the queue is lines over TCP, one connection for many messages:
//
//	PUT <subject> <id> <token> <length>\n<body>
//
// is answered with OK, with BUSY and perhaps the seconds to stay away, or with
// ERR and a text.

// queueService sends messages to a queue: a service without HTTP, without headers
// and without a proxy, whose connections outlive a message.
type queueService struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	conns *provider.Pool[net.Conn]
}

func newQueueService(t *testing.T) *queueService {
	t.Helper()
	transport, err := egress.NewTransport(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &queueService{dial: transport.DialContext, conns: provider.NewPool(func(c net.Conn) { _ = c.Close() })}
}

// Check asks for host and port, a subject and a token.
func (q *queueService) Check(s *provider.Settings) error {
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		return errors.New("reading the address: it is not host:port")
	}
	if s.Channel == "" || s.Token == "" {
		return errors.New("reading the Provider: spec.channel and the key token of the Secret are needed")
	}
	return nil
}

// Send puts the message, over the connection of the Provider.
func (q *queueService) Send(ctx context.Context, s *provider.Settings, m render.Message) error {
	conn, err := q.conns.Get(s.Provider, provider.DigestOf([]byte(s.Address)), func() (net.Conn, error) {
		return q.dial(ctx, "tcp", s.Address)
	})
	if err != nil {
		return fmt.Errorf("connecting to the queue: %w", err)
	}
	answer, err := put(ctx, conn, s, m)
	if err != nil {
		q.conns.Drop(s.Provider)
		return fmt.Errorf("putting a message: %w", err)
	}
	switch word, rest, _ := strings.Cut(answer, " "); word {
	case "OK":
		return nil
	case "BUSY":
		seconds, _ := strconv.Atoi(rest)
		return provider.RetryAfter(errors.New("the queue is busy"), time.Duration(seconds)*time.Second)
	default:
		return provider.Final(errors.New("the queue refused the message"))
	}
}

func put(ctx context.Context, conn net.Conn, s *provider.Settings, m render.Message) (string, error) {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(conn, "PUT %s %s %s %d\n%s", s.Channel, m.ID, s.Token, len(m.Text), m.Text); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

// queue is the far side.
type queue struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu         sync.Mutex
	conns      []net.Conn
	open       int
	closed     chan struct{}
	treatments []conformance.Treatment
	received   []conformance.Received
}

func startQueue(t *testing.T) *queue {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	q := &queue{listener: listener, closed: make(chan struct{}, 10)}
	q.serving.Go(q.accept)
	t.Cleanup(q.Stop)
	return q
}

// Address is where the queue listens.
func (q *queue) Address() string { return q.listener.Addr().String() }

// Script queues treatments.
func (q *queue) Script(treatments ...conformance.Treatment) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.treatments = append(q.treatments, treatments...)
}

// Received returns the messages so far.
func (q *queue) Received() []conformance.Received {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.received)
}

// Stop closes everything.
func (q *queue) Stop() {
	_ = q.listener.Close()
	q.mu.Lock()
	for _, conn := range q.conns {
		_ = conn.Close()
	}
	q.mu.Unlock()
	q.serving.Wait()
}

func (q *queue) accept() {
	for {
		conn, err := q.listener.Accept()
		if err != nil {
			return
		}
		q.mu.Lock()
		q.conns = append(q.conns, conn)
		q.open++
		q.mu.Unlock()
		q.serving.Go(func() { q.serve(conn) })
	}
}

func (q *queue) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		q.closed <- struct{}{}
	}()
	reader := bufio.NewReader(conn)
	for {
		line, body, err := readMessage(reader)
		if err != nil {
			return
		}
		answer := map[conformance.Treatment]string{
			conformance.Take: "OK\n", conformance.RefuseForNow: "BUSY\n", conformance.AskForPause: "BUSY 17\n",
			conformance.RefuseForGood: "ERR " + line + "\n",
		}
		switch treatment := q.record(line, body); treatment {
		case conformance.Break:
			return
		case conformance.Hang:
		default:
			if _, err := io.WriteString(conn, answer[treatment]); err != nil {
				return
			}
		}
	}
}

func readMessage(reader *bufio.Reader) (line, body string, err error) {
	if line, err = reader.ReadString('\n'); err != nil {
		return "", "", err
	}
	line = strings.TrimSuffix(line, "\n")
	length, err := strconv.Atoi(line[strings.LastIndexByte(line, ' ')+1:])
	if err != nil {
		return "", "", err
	}
	text := make([]byte, length)
	_, err = io.ReadFull(reader, text)
	return line, string(text), err
}

func (q *queue) record(line, body string) conformance.Treatment {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.received = append(q.received, conformance.Received{ID: strings.Fields(line)[2], Body: body})
	if len(q.treatments) == 0 {
		return conformance.Take
	}
	treatment := q.treatments[0]
	q.treatments = q.treatments[1:]
	return treatment
}

// TestServiceWithoutHTTP shows that nothing in the seam asks for HTTP.
func TestServiceWithoutHTTP(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		New:      func(*provider.Poster) provider.Service { return newQueueService(t) },
		Far:      func(t *testing.T) conformance.FarSide { t.Helper(); return startQueue(t) },
		Metadata: "169.254.169.254:4222",
		Lacks: map[conformance.Capability]string{
			conformance.HTTP:    "the queue has a protocol of its own",
			conformance.Headers: "its messages have no headers",
			conformance.Proxy:   "the protocol passes no HTTP proxy",
			conformance.TLS:     "it is spoken in plain text only",
		},
	})
}

// TestConnectionOfAProvider: messages of a Provider share a connection, which ends
// when the Provider goes.
func TestConnectionOfAProvider(t *testing.T) {
	far, service := startQueue(t), newQueueService(t)
	settings := &provider.Settings{
		Provider: types.NamespacedName{Namespace: "team", Name: "queue"}, Address: far.Address(), Channel: "ops", Token: "t", Timeout: time.Minute,
	}
	for _, id := range []string{"one", "two"} {
		if err := provider.Deliver(t.Context(), service, settings, render.Message{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	far.mu.Lock()
	open := far.open
	far.mu.Unlock()
	if got := far.Received(); len(got) != 2 || open != 1 {
		t.Errorf("%d messages over %d connections", len(got), open)
	}
	service.conns.Drop(settings.Provider)
	<-far.closed
}
