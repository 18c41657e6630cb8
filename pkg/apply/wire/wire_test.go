package wire

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestConfirmed(t *testing.T) {
	cases := map[string]struct {
		why, answer string
		want        bool
	}{
		"Status":      {"most kinds say so", `{"kind":"Status","status":"Success"}`, true},
		"Failure":     {"an error that came as an answer", `{"kind":"Status","status":"Failure"}`, false},
		"Object":      {"some show what was there", `{"kind":"ServiceAccount","metadata":{"uid":"1"}}`, true},
		"Terminating": {"it has a mark of deletion", `{"kind":"Namespace","metadata":{"uid":"1","deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Terminating"}}`, false},
		"Finalizers":  {"somebody holds it", `{"kind":"X","metadata":{"uid":"1","finalizers":["a"]}}`, false},
		"Nothing":     {"a broken proxy", ``, false},
		"Other":       {"another answer", `{}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := confirmed([]byte(c.answer)); got != c.want {
				t.Errorf("%s: got %t", c.why, got)
			}
		})
	}
}

func TestRetry(t *testing.T) {
	start := time.Unix(1000, 0)
	busy, delayed := apierrors.NewTooManyRequests("x", 0), apierrors.NewTooManyRequests("x", 7)
	gone := apierrors.NewServiceUnavailable("x")
	type step struct {
		err  error
		at   time.Duration
		want time.Duration // at least, and at most half as much more; 0 is the end
	}
	cases := map[string]struct {
		why   string
		steps []step
	}{
		"Failures": {"a server that does not answer is asked four times", []step{
			{gone, 0, 200 * time.Millisecond}, {gone, 1, 400 * time.Millisecond}, {gone, 2, 800 * time.Millisecond}, {gone, 3, 0},
		}},
		"Refusals": {"refusals are no failures", []step{
			{busy, 0, 200 * time.Millisecond}, {busy, 1, 400 * time.Millisecond}, {busy, 2, 800 * time.Millisecond},
			{busy, 3, 1600 * time.Millisecond}, {busy, 4, 3200 * time.Millisecond}, {busy, 5, LastDelay}, {busy, 6, LastDelay},
		}},
		"Delayed": {"the server says when to come back", []step{{delayed, 0, 7 * time.Second}, {delayed, 7 * time.Second, 7 * time.Second}}},
		"Patient": {"not for ever", []step{{busy, Patience - 1, 200 * time.Millisecond}, {busy, Patience, 0}}},
		"Mixed": {"refusals in between do not count", []step{
			{gone, 0, 200 * time.Millisecond}, {busy, 1, 400 * time.Millisecond}, {gone, 2, 800 * time.Millisecond},
			{gone, 3, 1600 * time.Millisecond}, {gone, 4, 0},
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			again := retry{began: start, delay: FirstDelay}
			for i, s := range tc.steps {
				pause, ok := again.after(s.err, start.Add(s.at))
				if ok != (s.want > 0) {
					t.Fatalf("%s: after attempt %d there is another: %t", tc.why, i+1, ok)
				}
				if ok && (pause < s.want || pause > s.want*3/2) {
					t.Errorf("%s: pause %s after attempt %d, want %s and at most half as much more", tc.why, pause, i+1, s.want)
				}
			}
		})
	}
}

func TestTransient(t *testing.T) {
	code := func(code int32) error { return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code}} }
	wrapped := func(err error) error { return &url.Error{Op: "Patch", URL: "https://x", Err: err} }
	cases := map[string]struct {
		why  string
		err  error
		want bool
	}{
		"Busy":       {"flow control", apierrors.NewTooManyRequests("x", 1), true},
		"Gateway":    {"a proxy without its server", code(502), true},
		"Internal":   {"a server that failed fails again", code(500), false},
		"Conflict":   {"somebody decides anew", apierrors.NewConflict(schema.GroupResource{}, "x", nil), false},
		"EOF":        {"the connection ended", wrapped(io.EOF), true},
		"Unexpected": {"in the middle of an answer", fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), true},
		"Reset":      {"the connection was reset", wrapped(syscall.ECONNRESET), true},
		"Refused":    {"the server restarts", wrapped(syscall.ECONNREFUSED), true},
		"GoAway":     {"HTTP/2 says goodbye", wrapped(errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=3")), true},
		"Lost":       {"no answer to a ping", wrapped(errors.New("http2: client connection lost")), true},
		"Stream":     {"a proxy reset the stream", wrapped(errors.New("stream error: stream ID 7; INTERNAL_ERROR; received from peer")), true},
		"Other":      {"a certificate that is wrong stays wrong", wrapped(errors.New("x509: certificate signed by unknown authority")), false},
		"Nothing":    {"no error", nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Transient(c.err); got != c.want {
				t.Errorf("%s: got %t", c.why, got)
			}
		})
	}
}
