package meta

// Action is the step of a reconcile that an event is about. It stands in the field
// action of the Kubernetes Event.
type Action string

// Actions of every controller.
const (
	// ActionReconcile is the whole of a reconcile, and a step that has no action of
	// its own.
	ActionReconcile Action = "Reconcile"

	// ActionFinalize is what is done for a deleted object.
	ActionFinalize Action = "Finalize"
)

// Actions of the source kinds.
const (
	// ActionReconcileStorage checks what is stored.
	ActionReconcileStorage Action = "ReconcileStorage"

	// ActionReconcileSource looks at the source and fetches from it.
	ActionReconcileSource Action = "ReconcileSource"

	// ActionReconcileArtifact stores an artifact.
	ActionReconcileArtifact Action = "ReconcileArtifact"

	// ActionGarbageCollect deletes old artifacts.
	ActionGarbageCollect Action = "GarbageCollect"
)

// Actions of the kinds that write clusters.
const (
	// ActionCheckDependencies looks at the objects that have to be ready first.
	ActionCheckDependencies Action = "CheckDependencies"

	// ActionResolveSource finds the source and fetches its artifact.
	ActionResolveSource Action = "ResolveSource"

	// ActionDecrypt decrypts what the source holds.
	ActionDecrypt Action = "Decrypt"

	// ActionApply compares objects with the cluster and applies them.
	ActionApply Action = "Apply"

	// ActionPrune deletes objects that are not in the source any more.
	ActionPrune Action = "Prune"

	// ActionHealthCheck awaits the health of objects.
	ActionHealthCheck Action = "HealthCheck"

	// ActionWaitForTermination awaits that deleted objects are gone.
	ActionWaitForTermination Action = "WaitForTermination"
)
