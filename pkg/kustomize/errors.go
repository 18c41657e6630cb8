package kustomize

import (
	"errors"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
)

// errOwnSchema stops a build that met a kustomization file with a schema of its
// own while it shared the common one.
var errOwnSchema = errors.New("the build brings its own OpenAPI schema")

func refuse(format string, args ...any) error { return refusal.New(format, args...) }

func clip(text string) string { return refusal.Clip(text) }
