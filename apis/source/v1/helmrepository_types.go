package v1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

const (
	// HelmRepositoryTypeDefault is a repository with an index file.
	HelmRepositoryTypeDefault = "default"

	// HelmRepositoryTypeOCI is a registry. Such a HelmRepository is static: nothing
	// is reconciled, it only says where charts are and how to log in.
	HelmRepositoryTypeOCI = "oci"

	// DefaultHelmRepositoryInterval is the interval of a HelmRepository that names
	// none.
	DefaultHelmRepositoryInterval = time.Minute
)

// HelmRepositorySpec says where charts are.
type HelmRepositorySpec struct {
	// URL of the repository: http or https for an index, oci for a registry.
	// +kubebuilder:validation:Pattern="^(http|https|oci)://.*$"
	URL string `json:"url"`

	// SecretRef names the Secret with username and password, or of type
	// kubernetes.io/dockerconfigjson for a registry. Default: anonymous.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// CertSecretRef names the Secret with ca.crt, or tls.crt and tls.key; it wins
	// over the same keys in secretRef.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// PassCredentials sends the credentials to other hosts than that of the URL
	// too, when the index names them. Default: false.
	// +optional
	PassCredentials bool `json:"passCredentials,omitempty"`

	// Interval between two looks at the index, as in "10m". Default: 1m. Unused
	// with type oci.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval meta.Duration `json:"interval,omitempty"`

	// Insecure allows plain HTTP with type oci. Default: false.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// Timeout of a download. Default: 1m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// Suspend stops all work on the object. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// AccessFrom is accepted for compatibility and has no effect.
	// +optional
	AccessFrom *AccessFrom `json:"accessFrom,omitempty"`

	// Type of the repository: default or oci. Default: default.
	// +kubebuilder:validation:Enum=default;oci
	// +optional
	Type string `json:"type,omitempty"`

	// Provider of the credentials with type oci: generic takes them from the
	// Secret, aws, azure and gcp from a workload identity. Default: generic.
	// +kubebuilder:validation:Enum=generic;aws;azure;gcp
	// +kubebuilder:default:=generic
	// +optional
	Provider string `json:"provider,omitempty"`
}

// AccessFrom lists the namespaces that may refer to an object.
type AccessFrom struct {
	// NamespaceSelectors pick the namespaces.
	NamespaceSelectors []NamespaceSelector `json:"namespaceSelectors"`
}

// NamespaceSelector picks namespaces by their labels.
type NamespaceSelector struct {
	// MatchLabels are the labels a namespace has to have.
	// +optional
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}

// HelmRepositoryStatus is what was observed of the repository.
type HelmRepositoryStatus struct {
	meta.CommonStatus `json:",inline"`

	// URL at which the latest index is served.
	// +optional
	URL string `json:"url,omitempty"`

	// Artifact is the index that is stored and served.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`
}

// HelmRepository offers the index of a chart repository.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=helmrepo,categories=all;fluxcd;fluxcd-sources
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type HelmRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec HelmRepositorySpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status HelmRepositoryStatus `json:"status,omitempty"`
}

// HelmRepositoryList is a list of HelmRepositories.
//
// +kubebuilder:object:root=true
type HelmRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []HelmRepository `json:"items"`
}
