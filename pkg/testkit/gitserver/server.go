package gitserver

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Options shape a server. The zero value serves everybody over plain HTTP on a
// free port of loopback.
type Options struct {
	// Root is the folder that holds the repositories; a temporary one that Close
	// removes if empty.
	Root string
	// Address to listen on; "127.0.0.1:0" if empty.
	Address string
	// TLS serves https with a certificate of its own, see Server.CA.
	TLS bool
	// Username and Password are asked for if both are set.
	Username, Password string
	// BearerToken is asked for if set.
	BearerToken string
	// AllowAnySHA lets clients fetch any commit by its hash, as public forges do.
	AllowAnySHA bool
	// Clock drives delays and the dates of commits; the real one if nil.
	Clock clock.Clock
}

// Stats counts what the server was asked and what it sent.
type Stats struct {
	// Requests counts all requests, also refused ones.
	Requests int
	// Advertisements counts answered requests for the list of references.
	Advertisements int
	// Fetches counts answered requests to upload-pack. A client that speaks
	// version 2 of the protocol makes one to list references and one for a pack.
	Fetches int
	// Pushes counts answered pushes.
	Pushes int
	// Unauthorized counts requests refused for want of a credential.
	Unauthorized int
	// BytesSent counts the bytes of response bodies.
	BytesSent int64
}

// Server is a running server.
type Server struct {
	options  Options
	root     string
	ownsRoot bool
	git      string
	ca       []byte
	listener net.Listener
	http     *http.Server
	stopped  context.Context //nolint:containedctx // the life of the server, not of a call
	stop     context.CancelFunc

	mu     sync.Mutex
	stats  Stats
	faults []Fault
}

// Start starts a server. Close stops it.
func Start(o Options) (*Server, error) {
	git, err := exec("git")
	if err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	s := &Server{options: o, root: o.Root, git: git}
	s.stopped, s.stop = context.WithCancel(context.Background())
	if s.root == "" {
		if s.root, err = os.MkdirTemp("", "gitserver-"); err != nil {
			return nil, fmt.Errorf("making the folder of repositories: %w", err)
		}
		s.ownsRoot = true
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) listen() error {
	address := s.options.Address
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // lives as long as the server
	if err != nil {
		return fmt.Errorf("listening on %s: %w", address, err)
	}
	if s.options.TLS {
		cert, ca, err := selfSigned(s.options.Clock.Now())
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		s.ca = ca
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	s.listener = listener
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return s.stopped },
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() { _ = s.http.Serve(listener) }()
	return nil
}

// Close stops the server, ends requests that hang, and removes what Start made.
func (s *Server) Close() error {
	s.stop()
	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	if s.ownsRoot {
		errs = append(errs, os.RemoveAll(s.root))
	}
	return errors.Join(errs...)
}

// BaseURL is scheme, host and port of the server.
func (s *Server) BaseURL() string {
	scheme := "http"
	if s.options.TLS {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// CA is the PEM certificate to trust when the server speaks TLS.
func (s *Server) CA() []byte { return s.ca }

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// ResetStats sets the counters to zero.
func (s *Server) ResetStats() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats = Stats{}
}

func (s *Server) count(change func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.stats)
}

// authorized compares what the request shows with what the server asks for.
func (s *Server) authorized(r *http.Request) bool {
	o := s.options
	if o.BearerToken == "" && (o.Username == "" || o.Password == "") {
		return true
	}
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && o.BearerToken != "" {
		return same(token, o.BearerToken)
	}
	user, password, ok := r.BasicAuth()
	return ok && o.Password != "" && same(user, o.Username) && same(password, o.Password)
}

// folder returns the folder of the repository a path asks for.
func (s *Server) folder(urlPath string) (string, bool) {
	name := strings.TrimSuffix(strings.Trim(urlPath, "/"), ".git")
	if name == "" || !filepath.IsLocal(name) {
		return "", false
	}
	dir := filepath.Join(s.root, filepath.FromSlash(name)+".git")
	info, err := os.Stat(filepath.Join(dir, "HEAD"))
	return dir, err == nil && info.Mode().IsRegular()
}
