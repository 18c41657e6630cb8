package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// KustomizationSpec says what to build from which source, and how to apply it.
type KustomizationSpec struct {
	// CommonMetadata is put on every applied object. It wins over what the
	// manifests say.
	// +optional
	CommonMetadata *meta.CommonMetadata `json:"commonMetadata,omitempty"`

	// DependsOn lists Kustomizations that have to be ready first. Until then the
	// reason is DependencyNotReady.
	// +optional
	DependsOn []meta.DependencyReference `json:"dependsOn,omitempty"`

	// Decryption of files and Secrets before they are applied. Default: none; an
	// encrypted Secret is then refused.
	// +optional
	Decryption *Decryption `json:"decryption,omitempty"`

	// Interval between two reconciles, as in "10m". A new artifact, a request and
	// drift do not wait for it.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	Interval meta.Duration `json:"interval"`

	// RetryInterval between two attempts after a failure. Default: interval.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	RetryInterval meta.Duration `json:"retryInterval,omitempty"`

	// KubeConfig names the cluster to apply to. Default: the one the controller
	// runs in.
	// +optional
	KubeConfig *meta.KubeConfigReference `json:"kubeConfig,omitempty"`

	// Path in the artifact of the directory to build. Default: its root. A path
	// that is missing or leads out of the artifact is ArtifactFailed.
	// +optional
	Path string `json:"path,omitempty"`

	// PostBuild substitutes variables in the built objects. Default: nothing.
	// +optional
	PostBuild *PostBuild `json:"postBuild,omitempty"`

	// Prune deletes objects that were applied and are no longer built.
	Prune bool `json:"prune"`

	// DeletionPolicy says what becomes of the applied objects when the
	// Kustomization is deleted. Default: MirrorPrune, which deletes them if prune
	// is set.
	// +kubebuilder:validation:Enum=MirrorPrune;Delete;WaitForTermination;Orphan
	// +optional
	DeletionPolicy string `json:"deletionPolicy,omitempty"`

	// DriftDetection says what is done when an applied object is changed by somebody
	// else. Default: it is corrected.
	// +optional
	DriftDetection *DriftDetection `json:"driftDetection,omitempty"`

	// HealthChecks lists objects that have to be healthy after the apply. Ignored
	// when wait is set.
	// +optional
	HealthChecks []HealthCheckReference `json:"healthChecks,omitempty"`

	// NamePrefix is put before the name of every object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +optional
	NamePrefix string `json:"namePrefix,omitempty"`

	// NameSuffix is put after the name of every object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +optional
	NameSuffix string `json:"nameSuffix,omitempty"`

	// Patches change the built objects, in order.
	// +optional
	Patches []meta.Patch `json:"patches,omitempty"`

	// Images replaces names, tags or digests of container images.
	// +optional
	Images []meta.Image `json:"images,omitempty"`

	// ServiceAccountName is the service account in this namespace whose rights the
	// objects are applied with. Default: the controller's.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// SourceRef names the source whose artifact is built.
	SourceRef CrossNamespaceSourceReference `json:"sourceRef"`

	// Suspend stops all work on the object, drift correction included. Default:
	// false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// TargetNamespace sets or replaces the namespace of every namespaced object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`

	// Timeout of building, applying and waiting. Default: interval less 30s, at
	// least 30s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// Force recreates objects when an immutable field changes. Default: false.
	// +kubebuilder:default:=false
	// +optional
	Force bool `json:"force,omitempty"`

	// Wait for all applied objects to be healthy. Default: false.
	// +optional
	Wait bool `json:"wait,omitempty"`

	// Components are paths of kustomize components to build with, relative to path.
	// +optional
	Components []string `json:"components,omitempty"`

	// IgnoreMissingComponents skips components that do not exist. Default: false, a
	// missing one is BuildFailed.
	// +optional
	IgnoreMissingComponents bool `json:"ignoreMissingComponents,omitempty"`

	// BuildMetadata has kustomize note on every object where it comes from.
	// +optional
	BuildMetadata []BuildMetadataOption `json:"buildMetadata,omitempty"`

	// HealthCheckExprs say when objects of other kinds are healthy.
	// +optional
	HealthCheckExprs []meta.HealthCheckExprs `json:"healthCheckExprs,omitempty"`

	// Ignore lists fields that are neither compared with the cluster nor taken from
	// other managers.
	// +optional
	Ignore []meta.IgnoreRule `json:"ignore,omitempty"`

	// Unreadable says what is wrong with a stored spec that does not have the form of
	// this type; the other fields are empty then. It is never stored.
	Unreadable string `json:"-"`
}

// BuildMetadataOption is a note that kustomize can leave on built objects.
//
// +kubebuilder:validation:Enum=originAnnotations;transformerAnnotations
type BuildMetadataOption string

// Values of spec.buildMetadata.
const (
	OriginAnnotations      BuildMetadataOption = "originAnnotations"
	TransformerAnnotations BuildMetadataOption = "transformerAnnotations"
)

// DriftDetection says what is done when an applied object is changed by somebody
// else.
type DriftDetection struct {
	// Mode: enabled corrects drift when it is seen, warn reports it and leaves it,
	// disabled does neither: an object is applied when its source changes. Default:
	// enabled.
	// +optional
	Mode meta.DriftMode `json:"mode,omitempty"`
}

// HealthCheckReference names an object that has to be healthy.
type HealthCheckReference struct {
	// APIVersion of the object. Default: "apps/v1".
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the object.
	Kind string `json:"kind"`

	// Name of the object.
	Name string `json:"name"`

	// Namespace of the object. Default: the namespace of the Kustomization.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// Decryption says how encrypted files are read.
type Decryption struct {
	// Provider of the encryption; sops is the only one.
	// +kubebuilder:validation:Enum=sops
	Provider string `json:"provider"`

	// ServiceAccountName is the service account in this namespace whose workload
	// identity reaches the key service.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// SecretRef names the Secret with the keys: entries that end in .asc or .agekey,
	// or the credentials of a key service.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`
}

// PostBuild substitutes variables in the built objects.
type PostBuild struct {
	// Substitute maps names of variables to values; it wins over substituteFrom.
	// +optional
	Substitute map[string]string `json:"substitute,omitempty"`

	// SubstituteFrom names ConfigMaps and Secrets whose entries are variables; later
	// ones win.
	// +optional
	SubstituteFrom []SubstituteReference `json:"substituteFrom,omitempty"`

	// SubstituteStrategy: WithVariables substitutes when there is a variable, Always
	// also when there is none. Default: WithVariables.
	// +kubebuilder:validation:Enum=WithVariables;Always
	// +optional
	SubstituteStrategy string `json:"substituteStrategy,omitempty"`
}

// SubstituteReference names a ConfigMap or Secret in the namespace of the
// Kustomization.
type SubstituteReference struct {
	// Kind of the object.
	// +kubebuilder:validation:Enum=Secret;ConfigMap
	Kind string `json:"kind"`

	// Name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Optional tolerates that the object does not exist. Default: false.
	// +kubebuilder:default:=false
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// CrossNamespaceSourceReference names a source in any namespace.
type CrossNamespaceSourceReference struct {
	// APIVersion of the source. Default: that of this version of Capstan.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source.
	// +kubebuilder:validation:Enum=OCIRepository;GitRepository;Bucket;ExternalArtifact
	Kind string `json:"kind"`

	// Name of the source.
	Name string `json:"name"`

	// Namespace of the source. Default: the namespace of the Kustomization. Another
	// one is AccessDenied where cross-namespace references are switched off.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// KustomizationStatus is what was observed of the applied objects.
type KustomizationStatus struct {
	meta.CommonStatus `json:",inline"`

	// LastAppliedRevision is the revision of the source that was applied last with
	// success.
	// +optional
	LastAppliedRevision string `json:"lastAppliedRevision,omitempty"`

	// LastAppliedOriginRevision is the revision of what the applied artifact was
	// made from, when it says so.
	// +optional
	LastAppliedOriginRevision string `json:"lastAppliedOriginRevision,omitempty"`

	// LastAttemptedRevision is the revision of the source that was tried last.
	// +optional
	LastAttemptedRevision string `json:"lastAttemptedRevision,omitempty"`

	// Inventory lists the objects that were applied.
	// +optional
	Inventory *meta.ResourceInventory `json:"inventory,omitempty"`

	// History lists what was applied, latest first, at most five entries.
	// +optional
	History []meta.Snapshot `json:"history,omitempty"`

	// HeldDeletions are deletions that wait for consent.
	// +optional
	HeldDeletions *HeldDeletions `json:"heldDeletions,omitempty"`

	// ConfirmedDeletion is the consent that was used last.
	// +optional
	ConfirmedDeletion *ConfirmedDeletion `json:"confirmedDeletion,omitempty"`

	// Drift lists the first objects that are not as they were applied and are left so,
	// because spec.driftDetection.mode is warn.
	// +optional
	Drift []DriftedObject `json:"drift,omitempty"`
}

// DriftedObject is an object that is not as it was applied.
type DriftedObject struct {
	// Object as Kind/namespace/name.
	Object string `json:"object"`

	// Since is when the difference was first seen.
	Since metav1.Time `json:"since"`

	// Missing says that the object is not there.
	// +optional
	Missing bool `json:"missing,omitempty"`

	// Manager is the field manager that wrote last, where that is known.
	// +optional
	Manager string `json:"manager,omitempty"`

	// Fields are the first fields that the manager wrote, by name. Keys of lists are
	// left out, because they hold values.
	// +optional
	Fields []string `json:"fields,omitempty"`
}

// HeldDeletions are deletions that wait for consent.
type HeldDeletions struct {
	// Count of the objects that would be deleted.
	Count int64 `json:"count"`

	// Digest of the set of objects. To consent, put it into the annotation
	// capstan.dev/confirm-deletion.
	Digest string `json:"digest"`

	// Entries are the first objects of the set, as Kind/namespace/name.
	// +optional
	Entries []string `json:"entries,omitempty"`

	// Reason says which bound the deletion is over.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// ConfirmedDeletion is a consent that was used. It counts once: the next deletion
// that needs consent has another digest.
type ConfirmedDeletion struct {
	// Digest of the set of objects that was consented to.
	Digest string `json:"digest"`

	// Remaining is the digest of what of the set is not gone yet; empty when all is.
	// +optional
	Remaining string `json:"remaining,omitempty"`
}

// Kustomization applies what kustomize builds from a directory of an artifact.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=ks,categories=all;fluxcd;fluxcd-appliers
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Kustomization struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec KustomizationSpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status KustomizationStatus `json:"status,omitempty"`
}

// KustomizationList is a list of Kustomizations.
//
// +kubebuilder:object:root=true
type KustomizationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []Kustomization `json:"items"`
}
