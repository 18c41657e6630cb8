package phase

import (
	"context"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
)

// Remove deletes everything stored for a deleted object.
type Remove struct {
	// Remove deletes the artifacts of an object; none are left of one that has none.
	Remove func(storage.Ref) error
}

// Run deletes the artifacts of the object.
func (r Remove) Run(_ context.Context, s *Scope) reconciler.Outcome {
	return reconciler.Fail(fault.Retry(meta.ReasonGarbageCollectionFailed, r.Remove(s.Ref)))
}
