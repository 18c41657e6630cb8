package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

const (
	// OCIRepositoryPrefix starts the URL of every OCI repository.
	OCIRepositoryPrefix = "oci://"

	// OCILayerExtract unpacks the layer and archives its files.
	OCILayerExtract = "extract"

	// OCILayerCopy stores the layer as it is.
	OCILayerCopy = "copy"
)

// OCIRepositorySpec says which revision of which OCI artifact to offer.
type OCIRepositorySpec struct {
	// URL of the repository without tag, as in "oci://ghcr.io/org/manifests".
	// Required.
	// +kubebuilder:validation:Pattern="^oci://.*$"
	// +optional
	URL string `json:"url,omitempty"`

	// Reference to follow. Default: the tag "latest".
	// +optional
	Reference *OCIRepositoryRef `json:"ref,omitempty"`

	// LayerSelector picks the layer to use. Default: the first, extracted.
	// +optional
	LayerSelector *OCILayerSelector `json:"layerSelector,omitempty"`

	// Provider of the credentials: generic takes them from a Secret, aws, azure and
	// gcp from a workload identity. Default: generic.
	// +kubebuilder:validation:Enum=generic;aws;azure;gcp
	// +optional
	Provider string `json:"provider,omitempty"`

	// SecretRef names the Secret of type kubernetes.io/dockerconfigjson with the
	// credentials. Default: anonymous.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// Verify says how to verify the signature of the artifact. Default: not.
	// +optional
	Verify *OCIRepositoryVerification `json:"verify,omitempty"`

	// ServiceAccountName is the service account in this namespace whose image pull
	// secrets, or whose workload identity, are used.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// CertSecretRef names the Secret with ca.crt, or tls.crt and tls.key.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// ProxySecretRef names the Secret with the address, and optionally username and
	// password, of the proxy.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// Interval between two looks at the registry, as in "5m". Required.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval meta.Duration `json:"interval,omitempty"`

	// Timeout of the registry operations of one reconcile. Default: 60s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// Ignore holds patterns in the syntax of .gitignore for what to leave out of
	// the artifact.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Insecure allows plain HTTP, and TLS without verification when no
	// certSecretRef is given. Default: false.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// Suspend stops all work on the object. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// OCIRepositoryRef says what to follow. If more than one field is set, digest wins
// over semver and semver over tag.
type OCIRepositoryRef struct {
	// Digest of the manifest, as in "sha256:<hex>".
	// +optional
	Digest string `json:"digest,omitempty"`

	// SemVer is a constraint; the highest tag that satisfies it is used.
	// +optional
	SemVer string `json:"semver,omitempty"`

	// SemverFilter is a regular expression that tags have to match before they are
	// compared with semver.
	// +optional
	SemverFilter string `json:"semverFilter,omitempty"`

	// Tag to use. Default: "latest".
	// +optional
	Tag string `json:"tag,omitempty"`
}

// OCILayerSelector picks a layer of an OCI artifact.
type OCILayerSelector struct {
	// MediaType of the layer; the first that has it is used. Default: the first
	// layer.
	// +optional
	MediaType string `json:"mediaType,omitempty"`

	// Operation: extract unpacks the layer, copy stores it as it is. Default:
	// extract.
	// +kubebuilder:validation:Enum=extract;copy
	// +optional
	Operation string `json:"operation,omitempty"`
}

// OCIRepositoryVerification says how to verify the signature of an OCI artifact.
type OCIRepositoryVerification struct {
	// Provider of the signature. Default: cosign.
	// +kubebuilder:validation:Enum=cosign;notation
	// +kubebuilder:default:=cosign
	Provider string `json:"provider"`

	// SecretRef names the Secret with the trusted public keys. Default, with
	// cosign: keyless.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// TrustedRootSecretRef names the Secret whose key trusted_root.json replaces
	// the public Sigstore root of keyless verification.
	// +optional
	TrustedRootSecretRef *meta.LocalObjectReference `json:"trustedRootSecretRef,omitempty"`

	// MatchOIDCIdentity lists the identities of which one has to have signed. Used
	// with keyless verification only. Default: any.
	// +optional
	MatchOIDCIdentity []OIDCIdentityMatch `json:"matchOIDCIdentity,omitempty"`
}

// OIDCIdentityMatch is an identity that may sign.
type OIDCIdentityMatch struct {
	// Issuer is a regular expression over the issuer of the identity.
	Issuer string `json:"issuer"`

	// Subject is a regular expression over the subject of the identity.
	Subject string `json:"subject"`
}

// OCIRepositoryStatus is what was observed of the OCI artifact.
type OCIRepositoryStatus struct {
	meta.CommonStatus `json:",inline"`

	// URL at which the latest artifact is served.
	// +optional
	URL string `json:"url,omitempty"`

	// Artifact that is stored and served.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`

	// ObservedIgnore is the spec.ignore the artifact was built with.
	// +optional
	ObservedIgnore *string `json:"observedIgnore,omitempty"`

	// ObservedLayerSelector is the spec.layerSelector the artifact was built with.
	// +optional
	ObservedLayerSelector *OCILayerSelector `json:"observedLayerSelector,omitempty"`

	// SourceVerificationFingerprint is the fingerprint of the keys that verified the
	// current artifact. When the keys change, the revision is verified again.
	// +optional
	SourceVerificationFingerprint string `json:"sourceVerificationFingerprint,omitempty"`
}

// OCIRepository offers a layer of an OCI artifact.
//
// +kubebuilder:validation:XValidation:rule="has(self.spec) && has(self.spec.url)",message="spec.url is missing"
// +kubebuilder:validation:XValidation:rule="has(self.spec) && has(self.spec.interval)",message="spec.interval is missing"
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=ocirepo,categories=all;fluxcd;fluxcd-sources
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
type OCIRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec OCIRepositorySpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status OCIRepositoryStatus `json:"status,omitempty"`
}

// OCIRepositoryList is a list of OCIRepositories.
//
// +kubebuilder:object:root=true
type OCIRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []OCIRepository `json:"items"`
}
