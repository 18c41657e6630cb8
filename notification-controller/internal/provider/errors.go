package provider

import (
	"errors"
	"time"
)

// Error is a failed attempt to deliver a message. It is the only type that says
// whether another attempt can help, and after which pause; the outbox acts on it
// as it is. Final and RetryAfter make one. Every other error counts as one that
// may pass, to be tried again after the usual pause.
type Error struct {
	text string
	// cause is nil in an error that was redacted: it may hold what was masked.
	cause error
	final bool
	after time.Duration
}

// Error returns the text shown to people.
func (e *Error) Error() string { return e.text }

// Unwrap returns the cause, if there is one that may be seen.
func (e *Error) Unwrap() error { return e.cause }

// Final says that no further attempt can help: somebody has to change something.
func Final(err error) error { return &Error{text: err.Error(), cause: err, final: true} }

// RetryAfter says that a later attempt may succeed, and that the service asked
// for no other before the pause is over. A pause of zero asks for nothing.
func RetryAfter(err error, pause time.Duration) error {
	return &Error{text: err.Error(), cause: err, after: pause}
}

// IsFinal reports whether no further attempt can help.
func IsFinal(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.final
}

// PauseOf returns the pause that the service asked for, or zero.
func PauseOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.after
	}
	return 0
}
