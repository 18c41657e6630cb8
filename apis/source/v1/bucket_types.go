package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Values of spec.sts.provider of a Bucket.
const (
	STSProviderAWS  = "aws"
	STSProviderLDAP = "ldap"
)

// BucketSpec says which objects of which bucket to offer as an artifact.
//
// +kubebuilder:validation:XValidation:rule="self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)",message="spec.sts needs spec.provider aws or generic"
// +kubebuilder:validation:XValidation:rule="self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'",message="spec.provider aws needs spec.sts.provider aws"
// +kubebuilder:validation:XValidation:rule="self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'",message="spec.provider generic needs spec.sts.provider ldap"
// +kubebuilder:validation:XValidation:rule="!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)",message="spec.sts.provider aws takes no spec.sts.secretRef"
// +kubebuilder:validation:XValidation:rule="!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)",message="spec.sts.provider aws takes no spec.sts.certSecretRef"
// +kubebuilder:validation:XValidation:rule="self.provider != 'generic' || !has(self.serviceAccountName)",message="spec.provider generic takes no spec.serviceAccountName"
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) || !has(self.serviceAccountName)",message="spec.secretRef and spec.serviceAccountName exclude each other"
type BucketSpec struct {
	// Provider of the bucket: generic speaks the S3 protocol to any server.
	// Default: generic.
	// +kubebuilder:validation:Enum=generic;aws;gcp;azure
	// +kubebuilder:default:=generic
	// +optional
	Provider string `json:"provider,omitempty"`

	// BucketName is the name of the bucket.
	BucketName string `json:"bucketName"`

	// Endpoint is the address of the service without scheme, as in
	// "s3.amazonaws.com".
	Endpoint string `json:"endpoint"`

	// STS exchanges an identity for temporary credentials. Default: none.
	// +optional
	STS *BucketSTSSpec `json:"sts,omitempty"`

	// Insecure allows plain HTTP. Default: false.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// Region of the bucket. Default: found by asking the service.
	// +optional
	Region string `json:"region,omitempty"`

	// Prefix that the keys of the objects have to start with. Default: none.
	// +optional
	Prefix string `json:"prefix,omitempty"`

	// SecretRef names the Secret with the credentials: accesskey and secretkey for
	// generic and aws, serviceaccount for gcp, one of several sets for azure.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// ServiceAccountName is the service account in this namespace whose workload
	// identity is used. Exclusive with secretRef.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// CertSecretRef names the Secret with ca.crt, or tls.crt and tls.key. Used by
	// the generic provider only.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// ProxySecretRef names the Secret with the address, and optionally username and
	// password, of the proxy.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// Interval between two looks at the bucket, as in "5m".
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	Interval meta.Duration `json:"interval"`

	// Timeout of the operations of one reconcile. Default: 60s.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// Ignore holds patterns in the syntax of .gitignore over object keys for what
	// to leave out; they come after those of the object .sourceignore.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Suspend stops all work on the object. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// BucketSTSSpec says where to get temporary credentials.
type BucketSTSSpec struct {
	// Provider of the service: aws or ldap.
	// +kubebuilder:validation:Enum=aws;ldap
	Provider string `json:"provider"`

	// Endpoint is the URL of the service.
	// +kubebuilder:validation:Pattern="^(http|https)://.*$"
	Endpoint string `json:"endpoint"`

	// SecretRef names the Secret with username and password for ldap.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// CertSecretRef names the Secret with ca.crt, or tls.crt and tls.key, for ldap.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`
}

// BucketStatus is what was observed of the bucket.
type BucketStatus struct {
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
}

// Bucket offers the objects of a bucket as an artifact.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:categories=all;fluxcd;fluxcd-sources
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.spec.endpoint`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Bucket struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec BucketSpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status BucketStatus `json:"status,omitempty"`
}

// BucketList is a list of Buckets.
//
// +kubebuilder:object:root=true
type BucketList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []Bucket `json:"items"`
}
