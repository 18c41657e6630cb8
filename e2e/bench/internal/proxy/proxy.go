// Package proxy stands between a client and a server on loopback and makes the way between them long: what one of them
// sends arrives at the other with a delay, in order and without limiting how much is under way.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// readSize is the most that is taken from a connection at once.
	readSize = 64 << 10
	// underWay is how many pieces may be on their way in one direction.
	underWay = 1024
)

// Proxy forwards connections to one server.
type Proxy struct {
	target   string
	delay    time.Duration
	listener net.Listener
	ctx      context.Context //nolint:containedctx // the life of the proxy, not of a call
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	stats Stats
}

// Stats counts what a proxy has seen.
type Stats struct {
	// Open connections, the most that were open at once, and all that ever were.
	Open, Most, Total int
	// Sent and Received are bytes to the server and from it.
	Sent, Received int64
}

// Start listens on loopback and forwards to a server; everything takes so long in each direction.
func Start(target string, delay time.Duration) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // lives as long as the proxy
	if err != nil {
		return nil, fmt.Errorf("listening for a proxy: %w", err)
	}
	p := &Proxy{target: target, delay: delay, listener: listener}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.running.Go(p.accept)
	return p, nil
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Stats returns what it has seen so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Close ends all connections and returns when nothing is forwarded any more.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.running.Wait()
	if err != nil {
		return fmt.Errorf("closing a proxy: %w", err)
	}
	return nil
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // It was closed.
		}
		p.running.Go(func() { p.forward(client) })
	}
}

// forward serves a connection until either side ends it.
func (p *Proxy) forward(client net.Conn) {
	p.count(func(s *Stats) {
		s.Open, s.Total = s.Open+1, s.Total+1
		s.Most = max(s.Most, s.Open)
	})
	defer p.count(func(s *Stats) { s.Open-- })
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(p.ctx, "tcp", p.target)
	if err != nil {
		return
	}
	stop := context.AfterFunc(p.ctx, func() { _ = errors.Join(client.Close(), server.Close()) })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { p.carry(server, client, func(s *Stats, n int) { s.Sent += int64(n) }) })
	both.Go(func() { p.carry(client, server, func(s *Stats, n int) { s.Received += int64(n) }) })
	both.Wait()
}

func (p *Proxy) count(change func(*Stats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.stats)
}

// piece is something that was sent, and when it arrives.
type piece struct {
	bytes []byte
	due   time.Time
}

// carry takes what one side sends to the other, later, and closes both when one side has ended.
func (p *Proxy) carry(to, from net.Conn, count func(*Stats, int)) {
	pieces := make(chan piece, underWay)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pieces)
		for {
			buffer := make([]byte, readSize)
			n, err := from.Read(buffer)
			if n > 0 {
				p.count(func(s *Stats) { count(s, n) })
				pieces <- piece{buffer[:n], time.Now().Add(p.delay)}
			}
			if err != nil {
				return
			}
		}
	})
	deliver(to, pieces)
	_ = errors.Join(from.Close(), to.Close())
	for range pieces { // So that the reader is not stuck.
		continue
	}
	reading.Wait()
}

// deliver writes pieces when they are due, and returns when there are no more or nobody takes them.
func deliver(to io.Writer, pieces <-chan piece) {
	for next := range pieces {
		<-time.After(time.Until(next.due))
		if _, err := to.Write(next.bytes); err != nil {
			return
		}
	}
}
