package wire

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"syscall"
	"testing"

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
