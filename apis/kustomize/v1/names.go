package v1

// Names on applied objects.
const (
	// FieldManager is the field manager of applied objects. Objects that Flux applied
	// carry the same.
	FieldManager = "kustomize-controller"

	// PolicyPrefix starts the annotations and labels by which an object asks for a
	// policy.
	PolicyPrefix = "kustomize.toolkit.fluxcd.io/"

	// LabelName is the owner label that holds the name of the Kustomization.
	LabelName = "kustomize.toolkit.fluxcd.io/name"

	// LabelNamespace is the owner label that holds the namespace of the
	// Kustomization.
	LabelNamespace = "kustomize.toolkit.fluxcd.io/namespace"

	// PolicyReconcile with value "disabled" leaves an object alone: it is neither
	// applied nor pruned.
	PolicyReconcile = "kustomize.toolkit.fluxcd.io/reconcile"

	// PolicyPrune with value "disabled" keeps an object from being pruned.
	PolicyPrune = "kustomize.toolkit.fluxcd.io/prune"

	// PolicySSA chooses how an object is applied: one of the SSA values.
	PolicySSA = "kustomize.toolkit.fluxcd.io/ssa"

	// PolicyForce with value "enabled" recreates an object when an immutable field
	// changes.
	PolicyForce = "kustomize.toolkit.fluxcd.io/force"

	// PolicySubstitute with value "disabled" exempts an object from variable
	// substitution.
	PolicySubstitute = "kustomize.toolkit.fluxcd.io/substitute"

	// PolicyDecrypt with value "disabled" exempts an object from decryption.
	PolicyDecrypt = "kustomize.toolkit.fluxcd.io/decrypt"

	// AnnotationChecksum is a legacy annotation that is removed when seen.
	AnnotationChecksum = "kustomize.toolkit.fluxcd.io/checksum"
)

// Values of PolicySSA; they are compared without regard to case.
const (
	// SSAOverride applies the object and takes over fields of other managers.
	SSAOverride = "Override"

	// SSAMerge applies the object and leaves other managers their fields.
	SSAMerge = "Merge"

	// SSAIfNotPresent creates the object, and leaves an existing one alone.
	SSAIfNotPresent = "IfNotPresent"

	// SSAIgnore leaves the object alone, as PolicyReconcile does.
	SSAIgnore = "Ignore"
)

// Values of spec.deletionPolicy.
const (
	// DeletionPolicyMirrorPrune deletes the applied objects if spec.prune is set.
	DeletionPolicyMirrorPrune = "MirrorPrune"

	// DeletionPolicyDelete deletes the applied objects.
	DeletionPolicyDelete = "Delete"

	// DeletionPolicyWaitForTermination deletes the applied objects and waits until
	// they are gone.
	DeletionPolicyWaitForTermination = "WaitForTermination"

	// DeletionPolicyOrphan leaves the applied objects in place.
	DeletionPolicyOrphan = "Orphan"
)

// Values of spec.postBuild.substituteStrategy.
const (
	// SubstituteWithVariables substitutes when there is a variable.
	SubstituteWithVariables = "WithVariables"

	// SubstituteAlways substitutes also when there is none.
	SubstituteAlways = "Always"
)

// DecryptionProviderSOPS is the only value of spec.decryption.provider.
const DecryptionProviderSOPS = "sops"
