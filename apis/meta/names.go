package meta

// Names that the Flux API gives to annotations, labels and finalizers.
const (
	// Finalizer is put on every object whose deletion has to be acted on.
	Finalizer = "finalizers.fluxcd.io"

	// AnnotationRequestedAt asks for a reconcile: any change of its value is a
	// request. The handled value is copied to status.lastHandledReconcileAt.
	AnnotationRequestedAt = "reconcile.fluxcd.io/requestedAt"

	// AnnotationForceAt asks for a forced action; it counts only when its value
	// equals that of AnnotationRequestedAt.
	AnnotationForceAt = "reconcile.fluxcd.io/forceAt"

	// AnnotationResetAt asks a HelmRelease to forget its failure counts; it counts
	// only when its value equals that of AnnotationRequestedAt.
	AnnotationResetAt = "reconcile.fluxcd.io/resetAt"

	// LabelWatch marks a ConfigMap or Secret whose changes wake those that refer
	// to it at once.
	LabelWatch = "reconcile.fluxcd.io/watch"

	// WatchEnabled is the value of LabelWatch that switches it on.
	WatchEnabled = "Enabled"

	// LabelShardKey names the shard whose controllers handle an object.
	LabelShardKey = "sharding.fluxcd.io/key"

	// PrefixEvent starts the annotations of an object that are copied into the
	// metadata of every event about it.
	PrefixEvent = "event.toolkit.fluxcd.io/"

	// DisabledValue switches off the policy that an annotation or label names.
	DisabledValue = "disabled"

	// EnabledValue switches on the policy that an annotation or label names.
	EnabledValue = "enabled"
)

// Names that Capstan adds. All of them are listed in docs/differences.md.
const (
	// MetadataIndexDigest is the key in status.artifact.metadata that holds the
	// digest of the artifact's index, served at the artifact's URL with
	// IndexSuffix appended.
	MetadataIndexDigest = "capstan.dev/index-digest"

	// IndexSuffix is appended to the URL of an artifact to form that of its index.
	IndexSuffix = ".index"

	// AnnotationConfirmDeletion consents to the deletions that a
	// Kustomization holds; its value is the digest in status.heldDeletions.
	AnnotationConfirmDeletion = "capstan.dev/confirm-deletion"

	// AnnotationDeletion, as annotation or label of a live object, says whether its
	// deletion counts against a budget: "allowed" lets it go, anything else protects
	// it.
	AnnotationDeletion = PrefixOwn + "deletion"

	// PrefixOwn starts every annotation, label and metadata key that Capstan adds.
	PrefixOwn = "capstan.dev/"
)
