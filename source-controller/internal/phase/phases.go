package phase

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
)

// Options are the settings of the binary that phases act on.
type Options struct {
	// Algorithm of the digests of artifacts.
	Algorithm string
	// MaxBytes bounds the content of an artifact.
	MaxBytes int64
}

// List returns the phases of a pass over a living source, in order.
func List(store *storage.Storage, o Options) []reconciler.Phase[*Scope] {
	resolve := Resolve{URL: store.URL}
	publish := Publish{Put: store.Put, Algorithm: o.Algorithm, MaxBytes: o.MaxBytes}
	return []reconciler.Phase[*Scope]{
		{Name: "accept", Run: Accept{}.Run, Fails: meta.ConditionFetchFailed},
		{Name: "prepare", Action: meta.ActionReconcileStorage, Run: Prepare{Check: store.Check}.Run, Fails: meta.ConditionStorageOperationFailed},
		{Name: "connect", Action: meta.ActionReconcileSource, Run: Connect{}.Run, Fails: meta.ConditionFetchFailed},
		{Name: "resolve", Action: meta.ActionReconcileSource, Run: resolve.Run, Progress: resolve.Progress, Fails: meta.ConditionFetchFailed},
		{Name: "fetch", Action: meta.ActionReconcileSource, Run: Fetch{}.Run, Progress: Fetch{}.Progress, Fails: meta.ConditionFetchFailed},
		{Name: "publish", Action: meta.ActionReconcileArtifact, Run: publish.Run, Progress: publish.Progress, Fails: meta.ConditionStorageOperationFailed},
		{Name: "collect", Action: meta.ActionGarbageCollect, Run: Collect{Collect: store.Collect}.Run},
	}
}

// Finalize returns the phases of a pass over a deleted source.
func Finalize(store *storage.Storage) []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{{Name: "remove", Action: meta.ActionFinalize, Run: Remove{Remove: store.Remove}.Run}}
}
