package correction

import (
	"time"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// Drift is a difference that was found and left.
type Drift struct {
	// Since is when it was first seen.
	Since time.Time
	// Gone says that the object is not there.
	Gone bool
	// By is who made it.
	By ownership.Writer
}

// String says what became of an object, and by whom.
func (d Drift) String(id inventory.ID) string {
	switch {
	case d.Gone:
		return id.Subject() + " is gone"
	case d.By.Manager == "":
		return id.Subject() + " was changed"
	}
	return id.Subject() + " was changed by " + d.By.String()
}
