package kustomize

import (
	"errors"
	"fmt"
)

// errOwnSchema stops a build that met a kustomization file with a schema of its
// own while it shared the common one.
var errOwnSchema = errors.New("the build brings its own OpenAPI schema")

// refusal is an error of ours. The library wraps or swallows what its file system
// answers, so the session keeps the first refusal and the Builder reports that.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }

func (r *refusal) Unwrap() error { return r.err }

func refuse(format string, args ...any) error {
	return &refusal{err: fmt.Errorf(format, args...)}
}
