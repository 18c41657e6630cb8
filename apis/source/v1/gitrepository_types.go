package v1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Values of spec.provider.
const (
	ProviderGeneric = "generic"
	ProviderAWS     = "aws"
	ProviderAzure   = "azure"
	ProviderGCP     = "gcp"
	ProviderGitHub  = "github"
)

const (
	// DefaultBranch is what a GitRepository without spec.ref follows.
	DefaultBranch = "master"

	// DefaultTimeout bounds an operation on a source whose spec names no timeout.
	DefaultTimeout = time.Minute
)

// Values of spec.verify.mode of a GitRepository.
const (
	VerifyHEAD       GitVerificationMode = "HEAD"
	VerifyHEADLegacy GitVerificationMode = "head"
	VerifyTag        GitVerificationMode = "Tag"
	VerifyTagAndHEAD GitVerificationMode = "TagAndHEAD"
)

// GitVerificationMode says which Git objects have to be signed.
type GitVerificationMode string

// GitRepositorySpec says which revision of which Git repository to offer as an
// artifact.
//
// +kubebuilder:validation:XValidation:rule="!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",message="spec.serviceAccountName needs spec.provider azure or aws"
type GitRepositorySpec struct {
	// URL of the repository: http, https or ssh. User information in it is used
	// when the Secret has none. Another scheme is refused.
	// +kubebuilder:validation:Pattern="^(http|https|ssh)://.*$"
	URL string `json:"url"`

	// SecretRef names the Secret with the credentials: username and password, or
	// bearerToken, for http; identity and known_hosts for ssh; ca.crt, tls.crt and
	// tls.key for TLS. Default: anonymous. A missing or malformed Secret is
	// AuthenticationFailed.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// Provider of the credentials: generic takes them from the Secret, aws and
	// azure from a workload identity, github from the GitHub App in the Secret.
	// Default: generic.
	// +kubebuilder:validation:Enum=generic;aws;azure;github
	// +optional
	Provider string `json:"provider,omitempty"`

	// ServiceAccountName is the service account in this namespace whose workload
	// identity is used, with provider aws or azure. Default: the controller's own.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// Interval between two looks at the repository, as in "5m". A webhook or a
	// request shortens it.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	Interval meta.Duration `json:"interval"`

	// Timeout of the Git operations of one reconcile. Default: 60s.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// Reference to follow. Default: the branch "master".
	// +optional
	Reference *GitRepositoryRef `json:"ref,omitempty"`

	// Verification of signatures. Default: none.
	// +optional
	Verification *GitRepositoryVerification `json:"verify,omitempty"`

	// ProxySecretRef names the Secret with the address, and optionally username
	// and password, of the proxy for http and https. Default: no proxy.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// Ignore holds patterns in the syntax of .gitignore for what to leave out of
	// the artifact; they come after those of .sourceignore files. Default: a set
	// that leaves out images, archives and the files of CI systems.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Suspend stops all work on the object. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// RecurseSubmodules fetches submodules with the same credentials. Default:
	// false.
	// +optional
	RecurseSubmodules bool `json:"recurseSubmodules,omitempty"`

	// Include copies the artifacts of other GitRepositories into this one. One
	// without an artifact is IncludeUnavailable and waited for.
	// +optional
	Include []GitRepositoryInclude `json:"include,omitempty"`

	// SparseCheckout lists the directories to put into the artifact. Default: all.
	// A directory that does not exist is GitOperationFailed.
	// +optional
	SparseCheckout []string `json:"sparseCheckout,omitempty"`
}

// GitRepositoryInclude names a GitRepository whose artifact becomes part of
// another.
type GitRepositoryInclude struct {
	// GitRepositoryRef names the GitRepository in the same namespace.
	GitRepositoryRef meta.LocalObjectReference `json:"repository"`

	// FromPath is the directory to copy. Default: the root of the artifact.
	// +optional
	FromPath string `json:"fromPath,omitempty"`

	// ToPath is the directory to copy to. Default: the name of the GitRepository.
	// +optional
	ToPath string `json:"toPath,omitempty"`
}

// GetFromPath returns the directory to copy, the empty string for the root.
func (in *GitRepositoryInclude) GetFromPath() string {
	return in.FromPath
}

// GetToPath returns the directory to copy to.
func (in *GitRepositoryInclude) GetToPath() string {
	if in.ToPath == "" {
		return in.GitRepositoryRef.Name
	}
	return in.ToPath
}

// GitRepositoryRef says what to follow. If more than one field is set, commit wins
// over name, name over tag, tag over semver and semver over branch.
type GitRepositoryRef struct {
	// Branch to follow. Default: "master". Beside a commit it says where to look
	// for it.
	// +optional
	Branch string `json:"branch,omitempty"`

	// Tag to check out.
	// +optional
	Tag string `json:"tag,omitempty"`

	// SemVer is a constraint, as in ">=1.2.0 <2"; the highest tag that satisfies it
	// is checked out.
	// +optional
	SemVer string `json:"semver,omitempty"`

	// Name is the full name of a reference, as in "refs/heads/main" or
	// "refs/pull/1/head".
	// +optional
	Name string `json:"name,omitempty"`

	// Commit is the full hash of the commit to check out.
	// +optional
	Commit string `json:"commit,omitempty"`
}

// GitRepositoryVerification says which signatures to verify and with which keys.
type GitRepositoryVerification struct {
	// Mode says what has to be signed: the commit (HEAD), the tag (Tag), or both
	// (TagAndHEAD). Default: HEAD. A mode with Tag needs a reference to a tag, and
	// is InvalidVerificationMode otherwise.
	// +kubebuilder:validation:Enum=head;HEAD;Tag;TagAndHEAD
	// +kubebuilder:default=HEAD
	// +optional
	Mode GitVerificationMode `json:"mode,omitempty"`

	// SecretRef names the Secret with the public keys: PGP in entries that end in
	// .asc, SSH in entries that end in .sshpub.
	SecretRef meta.LocalObjectReference `json:"secretRef"`
}

// GitRepositoryStatus is what was observed of the repository.
type GitRepositoryStatus struct {
	meta.CommonStatus `json:",inline"`

	// Artifact that is stored and served.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`

	// IncludedArtifacts are the artifacts that were copied in, in the order of
	// spec.include.
	// +optional
	IncludedArtifacts []*meta.Artifact `json:"includedArtifacts,omitempty"`

	// ObservedIgnore is the spec.ignore the artifact was built with.
	// +optional
	ObservedIgnore *string `json:"observedIgnore,omitempty"`

	// ObservedRecurseSubmodules is the spec.recurseSubmodules the artifact was
	// built with.
	// +optional
	ObservedRecurseSubmodules bool `json:"observedRecurseSubmodules,omitempty"`

	// ObservedInclude is the spec.include the artifact was built with.
	// +optional
	ObservedInclude []GitRepositoryInclude `json:"observedInclude,omitempty"`

	// ObservedSparseCheckout is the spec.sparseCheckout the artifact was built
	// with.
	// +optional
	ObservedSparseCheckout []string `json:"observedSparseCheckout,omitempty"`

	// SourceVerificationMode is the mode of the last verification that held.
	// +optional
	SourceVerificationMode *GitVerificationMode `json:"sourceVerificationMode,omitempty"`

	// SourceVerificationFingerprint is the fingerprint of the keys that verified the
	// current artifact. When the keys change, the revision is verified again.
	// +optional
	SourceVerificationFingerprint string `json:"sourceVerificationFingerprint,omitempty"`
}

// GitRepository offers a revision of a Git repository as an artifact.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=gitrepo,categories=all;fluxcd;fluxcd-sources
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type GitRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec GitRepositorySpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status GitRepositoryStatus `json:"status,omitempty"`
}

// GitRepositoryList is a list of GitRepositories.
//
// +kubebuilder:object:root=true
type GitRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []GitRepository `json:"items"`
}
