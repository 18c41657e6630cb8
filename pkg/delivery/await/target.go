package await

import (
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Target is an object whose health is awaited.
type Target struct {
	inventory.ID
	// Version of its API.
	Version string
}

// Judged is the health of an object at a resource version.
type Judged struct {
	// Version is the resource version; empty if the object was not there.
	Version string
	Status  health.Status
}

// Wait is a wait for health.
type Wait struct {
	// Since is when the wait began, Deadline when it ends.
	Since, Deadline time.Time
	// Artifact is what was applied, Generation the spec by which.
	Artifact   *meta.Artifact
	Generation int64
}
