package webhooksink

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"
)

// chunk is how much of a large body is written at a time.
const chunk = 32 << 10

// Fault is how one request is treated. The zero value is no fault.
type Fault struct {
	// Status is the code of the answer; 200 if zero.
	Status int
	// RetryAfter is the header of that name.
	RetryAfter string
	// Redirect is where the Location header points; the status is 307 unless
	// Status says otherwise.
	Redirect string
	// Body is the body of the answer. EchoRequest answers with the headers and the
	// body of the request instead, as careless services do.
	Body        string
	EchoRequest bool
	// Filler appends that many bytes to the body; a negative number never ends.
	Filler int64
	// Hang reads the request and does not answer until the client or the sink
	// gives up.
	Hang bool
	// Reset reads the request and resets the connection.
	Reset bool
	// Trickle is the pause after each byte of the body.
	Trickle time.Duration
}

// success reports whether a client may take the request as delivered.
func (f Fault) success() bool {
	return !f.Hang && !f.Reset && f.Redirect == "" && f.status() < 300
}

func (f Fault) status() int {
	switch {
	case f.Status != 0:
		return f.Status
	case f.Redirect != "":
		return http.StatusTemporaryRedirect
	default:
		return http.StatusOK
	}
}

// fail acts the fault out.
func (s *Sink) fail(w http.ResponseWriter, r *http.Request, f Fault, echo string) {
	switch {
	case f.Hang:
		s.waitFor(r.Context())
		return
	case f.Reset:
		reset(w)
		return
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Redirect != "" {
		w.Header().Set("Location", f.Redirect)
	}
	body := f.Body
	if f.EchoRequest {
		body = echo
	}
	if f.Filler == 0 && f.Trickle == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(f.status())
	s.trickle(r.Context(), w, body, f.Trickle)
	s.fill(r.Context(), w, f.Filler)
}

func (s *Sink) waitFor(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.stopped:
	}
}

// trickle writes the body, byte by byte if there is a pause.
func (s *Sink) trickle(ctx context.Context, w http.ResponseWriter, body string, pause time.Duration) {
	if pause <= 0 {
		_, _ = w.Write([]byte(body))
		return
	}
	flusher, _ := w.(http.Flusher)
	for i := range len(body) {
		if _, err := w.Write([]byte{body[i]}); err != nil {
			return
		}
		if flusher != nil {
			flusher.Flush()
		}
		select {
		case <-ctx.Done():
			return
		case <-s.stopped:
			return
		case <-s.clock.After(pause):
		}
	}
}

// fill writes n bytes, or bytes without end.
func (s *Sink) fill(ctx context.Context, w http.ResponseWriter, n int64) {
	block := make([]byte, chunk)
	for i := range block {
		block[i] = 'x'
	}
	for left := n; left != 0; {
		if left > 0 && left < chunk {
			block = block[:left]
		}
		if _, err := w.Write(block); err != nil || ctx.Err() != nil {
			return
		}
		if left > 0 {
			left -= int64(len(block))
		}
		select {
		case <-s.stopped:
			return
		default:
		}
	}
}

// reset closes the connection so that the client sees it reset, not ended.
func reset(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
