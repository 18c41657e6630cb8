// Package refusal is the error with which a build says no. The kustomize library
// wraps or swallows what its file system answers, so that a refusal is distinguished from
// an error of the library by its type.
package refusal

import (
	"errors"
	"fmt"
	"strings"
)

// Error is an error of ours.
type Error struct{ err error }

// Error returns the text.
func (r *Error) Error() string { return r.err.Error() }

// Unwrap returns the error that was wrapped, if any.
func (r *Error) Unwrap() error { return r.err }

// New makes an Error as fmt.Errorf makes an error.
func New(format string, args ...any) error {
	return &Error{err: fmt.Errorf(format, args...)}
}

// Is reports whether err is an Error.
func Is(err error) bool {
	var own *Error
	return errors.As(err, &own)
}

// Clip shortens a text that somebody else chose.
func Clip(text string) string {
	const most = 256
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
