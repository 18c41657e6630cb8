// Package server serves artifacts and their indexes over HTTP: a file server
// over the storage that reads and lists, and does nothing else.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"
)

const (
	headerTimeout = 10 * time.Second
	// writeTimeout bounds how long a slow reader may hold an artifact open.
	writeTimeout = 10 * time.Minute
	idleTimeout  = 2 * time.Minute
	maxHeader    = 64 << 10
	// stopTimeout is how long running downloads may go on after the signal to stop.
	stopTimeout = 5 * time.Second
)

// Server serves a file system on an address. It starts when this replica has
// become the leader, so that a replica without current artifacts is never ready.
type Server struct {
	Addr  string
	Files fs.FS
}

// Handler answers GET and HEAD, ranges included.
func (s *Server) Handler() http.Handler {
	files := http.FileServerFS(s.Files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "artifacts can only be read", http.StatusMethodNotAllowed)
			return
		}
		files.ServeHTTP(w, r)
	})
}

// NeedLeaderElection says that only the leader serves.
func (s *Server) NeedLeaderElection() bool { return true }

// Start serves until the context ends.
func (s *Server) Start(ctx context.Context) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("listening for artifact requests on %s: %w", s.Addr, err)
	}
	srv := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		stopped <- srv.Shutdown(grace)
	}()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving artifacts: %w", err)
	}
	return <-stopped
}
