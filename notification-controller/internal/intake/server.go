package intake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	maxHeader         = 256 << 10
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 5 * time.Second
)

// Server listens for events. It runs on every replica, because each of them is
// behind the Service.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// Listen binds the address; requests wait until Start.
func Listen(ctx context.Context, address string, handler http.Handler) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for events: %w", err)
	}
	return &Server{listener: listener, server: &http.Server{
		Handler: handler, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
	}}, nil
}

// Address is what the server listens on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// NeedLeaderElection says that the server does not wait to be the leader.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until the context ends, and lets running requests finish.
func (s *Server) Start(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(s.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving events: %w", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := s.server.Shutdown(closing); err != nil {
		return errors.Join(fmt.Errorf("stopping the event server: %w", err), s.server.Close())
	}
	return nil
}
