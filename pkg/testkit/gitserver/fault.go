package gitserver

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Step is one of the requests a fault can hit.
type Step int

const (
	// AnyStep hits every request.
	AnyStep Step = iota
	// Advertise hits the request for the list of references.
	Advertise
	// Fetch hits the request for a pack.
	Fetch
	// Push hits a push.
	Push
)

// Fault is something a server does badly. Offsets count bytes of the response
// body; zero switches a field off.
type Fault struct {
	// Step says which requests are hit.
	Step Step
	// Times is how many requests are hit before the fault is over; zero is all.
	Times int
	// Status answers with this code, the body and nothing else.
	Status int
	// Header is added to an answer made by Status.
	Header http.Header
	// Body is the body of an answer made by Status.
	Body string
	// RedirectTo redirects to this origin, path and query kept.
	RedirectTo string
	// Hang accepts the request and says nothing until the client gives up.
	Hang bool
	// Delay waits before answering.
	Delay time.Duration
	// TruncateAfter cuts the connection after so many bytes.
	TruncateAfter int64
	// FlipByteAt inverts the byte with this number, counted from 1; a negative
	// number counts from the end of each write of the answer.
	FlipByteAt int64
	// StallAfter sends so many bytes and then says nothing more.
	StallAfter int64
}

// Inject adds a fault to those in force.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take returns the fault that hits the request, and uses it up.
func (s *Server) take(step Step) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.faults, func(f Fault) bool { return f.Step == AnyStep || f.Step == step })
	if i < 0 {
		return Fault{}, false
	}
	f := s.faults[i]
	if f.Times == 1 {
		s.faults = slices.Delete(s.faults, i, i+1)
	} else if f.Times > 1 {
		s.faults[i].Times--
	}
	return f, true
}

func stepOf(r *http.Request) Step {
	switch {
	case strings.HasSuffix(r.URL.Path, "/"+uploadPack):
		return Fetch
	case strings.HasSuffix(r.URL.Path, "/"+receivePack):
		return Push
	default:
		return Advertise
	}
}

// applyFault misbehaves as asked. It returns the writer to answer on, and
// whether there is still something to answer.
func (s *Server) applyFault(w http.ResponseWriter, r *http.Request) (*faultyWriter, bool) {
	out := &faultyWriter{ResponseWriter: w, server: s, request: r}
	f, hit := s.take(stepOf(r))
	if !hit {
		return out, true
	}
	out.fault = f
	if f.Delay > 0 {
		select {
		case <-s.options.Clock.After(f.Delay):
		case <-r.Context().Done():
			return nil, false
		}
	}
	switch {
	case f.Hang:
		<-r.Context().Done()
		return nil, false
	case f.RedirectTo != "":
		http.Redirect(w, r, f.RedirectTo+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		return nil, false
	case f.Status != 0:
		for name, values := range f.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(f.Status)
		_, _ = out.Write([]byte(f.Body))
		return nil, false
	}
	return out, true
}

// errCut ends the copying of an answer that a fault cuts.
var errCut = errors.New("the answer is cut")

// faultyWriter counts, cuts and corrupts a response body.
type faultyWriter struct {
	http.ResponseWriter

	server  *Server
	request *http.Request
	fault   Fault
	sent    int64
	aborted bool
}

// Write writes what the fault leaves of p.
func (w *faultyWriter) Write(p []byte) (int, error) {
	out := w.corrupt(p)
	if limit := w.fault.StallAfter; limit > 0 && w.sent+int64(len(out)) > limit {
		err := w.cut(out[:limit-w.sent])
		<-w.request.Context().Done()
		return 0, err
	}
	if limit := w.fault.TruncateAfter; limit > 0 && w.sent+int64(len(out)) > limit {
		return 0, w.cut(out[:limit-w.sent])
	}
	return w.send(out)
}

// cut sends the last bytes of an answer that does not reach its end. Writes
// come from the goroutine that copies git's output, so it is the handler that
// aborts the connection.
func (w *faultyWriter) cut(p []byte) error {
	_, _ = w.send(p)
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	w.aborted = true
	return errCut
}

func (w *faultyWriter) send(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	w.server.count(func(st *Stats) { st.BytesSent += int64(n) })
	return n, err
}

// corrupt inverts the byte the fault names, if it is in p.
func (w *faultyWriter) corrupt(p []byte) []byte {
	i := w.fault.FlipByteAt - 1 - w.sent
	if w.fault.FlipByteAt < 0 {
		i = int64(len(p)) + w.fault.FlipByteAt
	}
	if w.fault.FlipByteAt == 0 || i < 0 || i >= int64(len(p)) {
		return p
	}
	out := slices.Clone(p)
	out[i] ^= 0xff
	return out
}
