package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Values of the order of an alphabetical or numerical policy.
const (
	OrderAscending  = "asc"
	OrderDescending = "desc"
)

// ReflectionPolicy says when the digest of the newest tag is looked up.
//
// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
type ReflectionPolicy string

// Values of spec.digestReflectionPolicy.
const (
	// ReflectAlways looks the digest up at every interval.
	ReflectAlways ReflectionPolicy = "Always"

	// ReflectIfNotPresent looks the digest up once for each tag.
	ReflectIfNotPresent ReflectionPolicy = "IfNotPresent"

	// ReflectNever does not look the digest up.
	ReflectNever ReflectionPolicy = "Never"
)

// ImagePolicySpec says which tag of an image is the newest.
//
// +kubebuilder:validation:XValidation:rule="!has(self.interval) || (has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')",message="spec.interval needs spec.digestReflectionPolicy Always"
// +kubebuilder:validation:XValidation:rule="has(self.interval) || !has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'",message="spec.digestReflectionPolicy Always needs spec.interval"
type ImagePolicySpec struct {
	// ImageRepositoryRef names the ImageRepository whose tags are judged.
	ImageRepositoryRef meta.NamespacedObjectReference `json:"imageRepositoryRef"`

	// Policy that picks a tag; exactly one has to be set.
	Policy ImagePolicyChoice `json:"policy"`

	// FilterTags leaves out tags and picks what of a tag is compared. Default: all
	// tags as they are.
	// +optional
	FilterTags *TagFilter `json:"filterTags,omitempty"`

	// DigestReflectionPolicy says when the digest of the picked tag is looked up.
	// Default: Never.
	// +kubebuilder:default:=Never
	// +optional
	DigestReflectionPolicy ReflectionPolicy `json:"digestReflectionPolicy,omitempty"`

	// Interval between two looks at the digest. Needed with, and only allowed with,
	// digestReflectionPolicy Always.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval meta.Duration `json:"interval,omitempty"`

	// Suspend stops all work on the object. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// ImagePolicyChoice is a union of the policies there are.
type ImagePolicyChoice struct {
	// SemVer picks the highest semantic version in a range.
	// +optional
	SemVer *SemVerPolicy `json:"semver,omitempty"`

	// Alphabetical picks the last or first in the order of bytes.
	// +optional
	Alphabetical *AlphabeticalPolicy `json:"alphabetical,omitempty"`

	// Numerical picks the highest or lowest number.
	// +optional
	Numerical *NumericalPolicy `json:"numerical,omitempty"`
}

// SemVerPolicy picks the highest semantic version in a range.
type SemVerPolicy struct {
	// Range is a constraint, as in "^1.2.0". One that cannot be read is
	// InvalidPolicy.
	Range string `json:"range"`
}

// AlphabeticalPolicy picks the last or first tag in the order of bytes.
type AlphabeticalPolicy struct {
	// Order: asc picks the last, desc the first. Default: asc.
	// +kubebuilder:default:="asc"
	// +kubebuilder:validation:Enum=asc;desc
	// +optional
	Order string `json:"order,omitempty"`
}

// NumericalPolicy picks the highest or lowest number.
type NumericalPolicy struct {
	// Order: asc picks the highest, desc the lowest. Default: asc.
	// +kubebuilder:default:="asc"
	// +kubebuilder:validation:Enum=asc;desc
	// +optional
	Order string `json:"order,omitempty"`
}

// TagFilter leaves out tags and picks what of a tag is compared.
type TagFilter struct {
	// Pattern is a regular expression that tags have to match. Default: all do.
	// +optional
	Pattern string `json:"pattern,omitempty"`

	// Extract is expanded with the groups of the pattern, as in "$ts"; the result is
	// compared instead of the tag. Default: the tag.
	// +optional
	Extract string `json:"extract,omitempty"`
}

// ImageRef is an image with a tag.
type ImageRef struct {
	// Name of the image as the ImageRepository writes it.
	Name string `json:"name"`

	// Tag of the image.
	Tag string `json:"tag"`

	// Digest of the tag, if it was looked up.
	// +optional
	Digest string `json:"digest,omitempty"`
}

// String returns the reference as manifests write it.
func (in *ImageRef) String() string {
	s := in.Name + ":" + in.Tag
	if in.Digest != "" {
		s += "@" + in.Digest
	}
	return s
}

// ImagePolicyStatus is what was picked.
type ImagePolicyStatus struct {
	meta.CommonStatus `json:",inline"`

	// LatestRef is the image with the picked tag.
	// +optional
	LatestRef *ImageRef `json:"latestRef,omitempty"`

	// ObservedPreviousRef is what was picked before.
	// +optional
	ObservedPreviousRef *ImageRef `json:"observedPreviousRef,omitempty"`
}

// ImagePolicy picks the newest tag of an image.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=imgpol;imagepol,categories=all;fluxcd;fluxcd-images
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.status.latestRef.name`
// +kubebuilder:printcolumn:name="Tag",type=string,JSONPath=`.status.latestRef.tag`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
type ImagePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec ImagePolicySpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status ImagePolicyStatus `json:"status,omitempty"`
}

// ImagePolicyList is a list of ImagePolicies.
//
// +kubebuilder:object:root=true
type ImagePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []ImagePolicy `json:"items"`
}
