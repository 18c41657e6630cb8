package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Class says when a failed object is reconciled again.
type Class int

const (
	// ClassRetry is a failure that may pass by itself: the object is tried again
	// at its retry interval or with back-off.
	ClassRetry Class = iota
	// ClassWait is not a failure of the object: something it needs is not there
	// yet. The object is woken when that thing changes.
	ClassWait
	// ClassStalled is a failure that no retry can mend: the object rests until
	// its spec changes.
	ClassStalled
)

// String returns the word used for the class in logs.
func (c Class) String() string {
	switch c {
	case ClassWait:
		return "wait"
	case ClassStalled:
		return "stalled"
	default:
		return "retry"
	}
}

// Error is an error with a Reason, a retry class and, where one is known, a
// hint. Its text is that of the error it wraps, followed by the hint.
type Error struct {
	// Class says when to try again.
	Class Class
	// Reason is what conditions and events carry.
	Reason meta.Reason
	// Hint says what the reader should do next; empty when nobody knows.
	Hint string
	// After is the longest a waiting object rests before it is reconciled without
	// having been woken; zero leaves the choice to the reconciler.
	After time.Duration
	// Err is the cause.
	Err error
}

// Error returns the text of the cause and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Hint
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Option adds a fact to an Error.
type Option func(*Error)

// Hint says what the reader should do next.
func Hint(format string, args ...any) Option {
	return func(e *Error) { e.Hint = fmt.Sprintf(format, args...) }
}

// After bounds how long a waiting object rests without being woken.
func After(d time.Duration) Option {
	return func(e *Error) { e.After = d }
}

// New gives err a class and a reason. A nil err stays nil.
func New(class Class, reason meta.Reason, err error, opts ...Option) error {
	if err == nil {
		return nil
	}
	e := &Error{Class: class, Reason: reason, Err: err}
	for _, opt := range opts {
		opt(e)
	}
	return e
}

// Retry marks a failure that may pass by itself.
func Retry(reason meta.Reason, err error, opts ...Option) error {
	return New(ClassRetry, reason, err, opts...)
}

// Wait marks that something the object needs is not there yet.
func Wait(reason meta.Reason, err error, opts ...Option) error {
	return New(ClassWait, reason, err, opts...)
}

// Stalled marks a failure that only a change of the object can mend.
func Stalled(reason meta.Reason, err error, opts ...Option) error {
	return New(ClassStalled, reason, err, opts...)
}

// WithHint adds a hint to an error that keeps its reason and class; an error
// without them gets the defaults of Of.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	f := Of(err)
	return &Error{Class: f.Class, Reason: f.Reason, After: f.After, Err: err, Hint: fmt.Sprintf(format, args...)}
}

// Of returns the outermost fault in err's chain. An error that nobody
// classified may pass by itself and has no better reason than
// ReconciliationFailed.
func Of(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Class: ClassRetry, Reason: meta.ReasonReconciliationFailed, Err: err}
}

// Is reports whether err carries the given reason.
func Is(err error, reason meta.Reason) bool {
	var f *Error
	return errors.As(err, &f) && f.Reason == reason
}
