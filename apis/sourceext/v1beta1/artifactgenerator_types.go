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
// +kubebuilder:validation:XValidation:rule="has(self.pathPattern) && size(self.pathPattern) > 0 || self.artifacts.all(a, a.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$') && a.name.size() <= 253)",message="without spec.pathPattern every name in spec.artifacts has to be a name of a Kubernetes object"
// +kubebuilder:validation:XValidation:rule="has(self.pathPattern) && size(self.pathPattern) > 0 || self.artifacts.all(a, !has(a.__namespace__) || (a.__namespace__.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && a.__namespace__.size() <= 63))",message="without spec.pathPattern every namespace in spec.artifacts has to be a name of a namespace"
type ArtifactGeneratorSpec struct {
	// CommonMetadata is put on every ExternalArtifact that is made.
	// +optional
	CommonMetadata *meta.CommonMetadata `json:"commonMetadata,omitempty"`

	// ServiceAccountName is the service account in this namespace in whose name
	// objects in other namespaces are made. Default: the controller's own.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// ManagedNamespaces says which namespaces are made for artifacts, and what they
	// look like. Default: none is made.
	// +optional
	ManagedNamespaces *ManagedNamespaces `json:"managedNamespaces,omitempty"`

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

// ManagedNamespaces says which namespaces may be made for artifacts.
type ManagedNamespaces struct {
	// AllowedNames lists patterns of the names that a namespace may have.
	// +kubebuilder:validation:MinItems=1
	AllowedNames []string `json:"allowedNames"`

	// Prune deletes a namespace that no artifact is in any more.
	Prune bool `json:"prune"`

	// Metadata of the namespaces. Default: none.
	// +optional
	Metadata *NamespaceMetadata `json:"metadata,omitempty"`
}

// NamespaceMetadata says where labels and annotations of a namespace come from.
//
// +kubebuilder:validation:XValidation:rule="has(self.fromSource) || (has(self.from) && size(self.from) > 0)",message="metadata of managed namespaces needs fromSource or an entry in from"
type NamespaceMetadata struct {
	// From lists namespaces whose metadata is taken over, in order.
	// +optional
	From []NamespaceMetadataFrom `json:"from,omitempty"`

	// FromSource takes metadata out of a file of a source.
	// +optional
	FromSource *NamespaceMetadataFromSource `json:"fromSource,omitempty"`
}

// Values of metadata.from[].strategy.
const (
	// MetadataReset leaves out what came before.
	MetadataReset = "Reset"

	// MetadataOverride replaces values of the same key.
	MetadataOverride = "Override"

	// MetadataMerge adds keys that are not there.
	MetadataMerge = "Merge"
)

// NamespaceMetadataFrom takes metadata over from a namespace.
type NamespaceMetadataFrom struct {
	// Namespace to take from; "*" is every namespace that is managed.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern="^(\\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"
	Namespace string `json:"namespace"`

	// Strategy for what comes from several places.
	// +kubebuilder:validation:Enum=Reset;Override;Merge
	Strategy string `json:"strategy"`

	// Labels to set, beside those taken over.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations to set, beside those taken over.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// NamespaceMetadataFromSource takes metadata out of a file of a source.
//
// +kubebuilder:validation:XValidation:rule="(has(self.allowedAnnotations) && size(self.allowedAnnotations) > 0) || (has(self.allowedLabels) && size(self.allowedLabels) > 0)",message="fromSource needs an entry in allowedLabels or allowedAnnotations"
type NamespaceMetadataFromSource struct {
	// Path of the file in a source, as in "@alias/namespace.yaml".
	// +kubebuilder:validation:Pattern="^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)/(.*)$"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path"`

	// AllowedLabels are the labels that may be taken, with patterns of their values.
	// +optional
	AllowedLabels map[string]string `json:"allowedLabels,omitempty"`

	// AllowedAnnotations are the annotations that may be taken, with patterns of
	// their values.
	// +optional
	AllowedAnnotations map[string]string `json:"allowedAnnotations,omitempty"`
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
	// Name of the ExternalArtifact.
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name"`

	// Namespace of the ExternalArtifact. Default: that of the ArtifactGenerator.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// InputsFrom is a file of a source, as in "@alias/inputs.yaml", whose values are
	// exported in the status of the ExternalArtifact. Default: none.
	// +kubebuilder:validation:Pattern="^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)/(.*)$"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	InputsFrom string `json:"inputsFrom,omitempty"`

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
	// that matches nothing is BuildFailed, unless the copy is optional.
	// +kubebuilder:validation:Pattern="^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)/(.*)$"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	From string `json:"from"`

	// To is a path in the artifact, as in "@artifact/"; no part of it may be "..".
	// +kubebuilder:validation:Pattern="^@artifact/([^/]{0,1}|[^./][^/]|[.][^./]|[^/]{3,})(/([^/]{0,1}|[^./][^/]|[.][^./]|[^/]{3,}))*$"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	To string `json:"to"`

	// Exclude lists patterns of files to leave out.
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=1024
	// +optional
	Exclude []string `json:"exclude,omitempty"`

	// Strategy for what exists: Overwrite replaces it, Merge merges YAML; Extract
	// unpacks archives. Default: Overwrite.
	// +kubebuilder:validation:Enum=Overwrite;Merge;Extract
	// +optional
	Strategy string `json:"strategy,omitempty"`

	// Optional copies nothing when the source has nothing that matches. Default:
	// false, which is BuildFailed.
	// +optional
	Optional bool `json:"optional,omitempty"`
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

	// Inventory lists the objects that were made.
	// +optional
	Inventory []InventoryReference `json:"inventory,omitempty"`

	// ObservedSourcesDigest is a digest over the artifacts of all sources.
	// +optional
	ObservedSourcesDigest string `json:"observedSourcesDigest,omitempty"`
}

// InventoryReference is an ExternalArtifact, or a namespace, that was made.
type InventoryReference struct {
	// Kind of the object. Default: ExternalArtifact.
	// +kubebuilder:validation:Enum=ExternalArtifact;Namespace
	// +optional
	Kind string `json:"kind,omitempty"`

	// Name of the object.
	Name string `json:"name"`

	// Namespace of the object; a namespace has none.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Digest of what was made.
	Digest string `json:"digest"`

	// Filename of an artifact.
	// +optional
	Filename string `json:"filename,omitempty"`
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
