package provider

import (
	"errors"
	"time"
)

// Error says whether sending again can help, and when.
type Error struct {
	// Final is true if it cannot.
	Final bool
	// After is how long the service asked to be left alone.
	After time.Duration
	// Err is the cause, without secrets.
	Err error
}

// Error returns the text of the cause.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Final marks an error that no retry mends.
func Final(err error) error { return &Error{Final: true, Err: err} }

// Verdict returns what is known of an error; one that nobody judged may pass.
func Verdict(err error) Error {
	var e *Error
	if errors.As(err, &e) {
		return Error{Final: e.Final, After: e.After, Err: err}
	}
	return Error{Err: err}
}
