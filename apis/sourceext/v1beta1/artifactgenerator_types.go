package v1beta1

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Names of annotations, labels and the finalizer of this kind.
const (
	// Finalizer is put on every ArtifactGenerator.
	Finalizer = "source.extensions.fluxcd.io/finalizer"

	// AnnotationReconcile with value "disabled" leaves an ArtifactGenerator alone.
	AnnotationReconcile = "source.extensions.fluxcd.io/reconcile"

	// LabelGenerator on an ExternalArtifact holds the UID of the ArtifactGenerator
	// that made it.
	LabelGenerator = "source.extensions.fluxcd.io/generator"
)

// Values of copy[].strategy.
const (
	// CopyOverwrite replaces files that exist.
	CopyOverwrite = "Overwrite"

	// CopyMerge merges YAML files that exist.
	CopyMerge = "Merge"

	// CopyExtract unpacks archives.
	CopyExtract = "Extract"
)

// ArtifactGeneratorSpec says which artifacts to put together from which sources.
//
// +kubebuilder:validation:XValidation:rule="has(self.pathPattern) && size(self.pathPattern) > 0 || self.artifacts.all(a, a.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'))",message="without spec.pathPattern every name in spec.artifacts has to be a name of a Kubernetes object"
type ArtifactGeneratorSpec struct {
	// CommonMetadata is put on every ExternalArtifact that is made.
	// +optional
	CommonMetadata *meta.CommonMetadata `json:"commonMetadata,omitempty"`

	// Sources to take files from. Their aliases have to differ.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	Sources []SourceReference `json:"sources"`

	// PathPattern makes a set of artifacts for every directory of a source that
	// matches, as in "@repo/apps/{app}"; a name in braces stands for one segment of
	// the path and can be used in the artifacts. Default: one set.
	// +kubebuilder:validation:Pattern="^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)/(.*)$"
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	PathPattern string `json:"pathPattern,omitempty"`

	// OutputArtifacts are the artifacts to make.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	OutputArtifacts []OutputArtifact `json:"artifacts"`
}

// SourceReference names a source and gives it an alias.
type SourceReference struct {
	// Alias by which the artifacts name the source.
	// +kubebuilder:validation:Pattern="^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$"
	// +kubebuilder:validation:MaxLength=63
	Alias string `json:"alias"`

	// Kind of the source.
	// +kubebuilder:validation:Enum=Bucket;GitRepository;OCIRepository;HelmChart;ExternalArtifact
	Kind string `json:"kind"`

	// Name of the source.
	// +kubebuilder:validation:Pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Namespace of the source. Default: the namespace of the ArtifactGenerator.
	// Another one is AccessDenied where cross-namespace references are switched off.
	// +kubebuilder:validation:Pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// OutputArtifact says how to make an ExternalArtifact.
type OutputArtifact struct {
	// Name of the ExternalArtifact, in the namespace of the ArtifactGenerator.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Revision, as in "@alias", gives the artifact the revision of that source.
	// Default: a revision made from its content.
	// +kubebuilder:validation:Pattern="^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)$"
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Revision string `json:"revision,omitempty"`

	// OriginRevision, as in "@alias", notes the revision of that source in the
	// metadata of the artifact. Default: none.
	// +kubebuilder:validation:Pattern="^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)$"
	// +kubebuilder:validation:MaxLength=64
	// +optional
	OriginRevision string `json:"originRevision,omitempty"`

	// Copy lists what to copy into the artifact, in order.
	// +kubebuilder:validation:MinItems=1
	Copy []CopyOperation `json:"copy"`
}

// CopyOperation copies files of a source into an artifact.
type CopyOperation struct {
	// From is a path or pattern in a source, as in "@alias/deploy/**". A pattern
	// that matches nothing is BuildFailed.
	// +kubebuilder:validation:Pattern="^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)/(.*)$"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	From string `json:"from"`

	// To is a path in the artifact, as in "@artifact/".
	// +kubebuilder:validation:Pattern="^@(artifact)/(.*)$"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	To string `json:"to"`

	// Exclude lists patterns of files to leave out.
	// +kubebuilder:validation:MaxItems=100
	// +optional
	Exclude []string `json:"exclude,omitempty"`

	// Strategy for what exists: Overwrite replaces it, Merge merges YAML; Extract
	// unpacks archives. Default: Overwrite.
	// +kubebuilder:validation:Enum=Overwrite;Merge;Extract
	// +optional
	Strategy string `json:"strategy,omitempty"`
}

// ArtifactGeneratorStatus is what was made.
type ArtifactGeneratorStatus struct {
	// Conditions tell how the object is.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// LastHandledReconcileAt is the value of the annotation
	// reconcile.fluxcd.io/requestedAt that was handled last.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// Inventory lists the ExternalArtifacts that were made.
	// +optional
	Inventory []ExternalArtifactReference `json:"inventory,omitempty"`

	// ObservedSourcesDigest is a digest over the artifacts of all sources.
	// +optional
	ObservedSourcesDigest string `json:"observedSourcesDigest,omitempty"`
}

// ExternalArtifactReference is an ExternalArtifact that was made.
type ExternalArtifactReference struct {
	// Name of the ExternalArtifact.
	Name string `json:"name"`

	// Namespace of the ExternalArtifact.
	Namespace string `json:"namespace"`

	// Digest of its file.
	Digest string `json:"digest"`

	// Filename of its file.
	Filename string `json:"filename"`
}

// ArtifactGenerator makes ExternalArtifacts from files of several sources.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=ag,categories=all;fluxcd;fluxcd-sources
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type ArtifactGenerator struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec ArtifactGeneratorSpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +optional
	Status ArtifactGeneratorStatus `json:"status,omitempty"`
}

// ArtifactGeneratorList is a list of ArtifactGenerators.
//
// +kubebuilder:object:root=true
type ArtifactGeneratorList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []ArtifactGenerator `json:"items"`
}

// Suspended reports whether the object is to be left alone. The kind has an
// annotation for it and no field.
func (in *ArtifactGenerator) Suspended() bool {
	return strings.EqualFold(in.Annotations[AnnotationReconcile], meta.DisabledValue)
}

// GetConditions returns the conditions of the object.
func (in *ArtifactGenerator) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *ArtifactGenerator) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// The kind fulfils the trait it is meant to have. It is not meta.Reconciled: its
// status has no observedGeneration.
var _ meta.Conditioned = (*ArtifactGenerator)(nil)
