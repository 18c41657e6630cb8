package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// UpdateStrategySetters changes the values that setter comments mark.
const UpdateStrategySetters = "Setters"

// Values of spec.git.commit.signingKey.type.
const (
	// SigningKeyGPG signs with the PGP key git.asc of the Secret.
	SigningKeyGPG SigningKeyType = "gpg"

	// SigningKeySSH signs with the SSH key identity of the Secret.
	SigningKeySSH SigningKeyType = "ssh"
)

// SigningKeyType is the kind of a signing key.
//
// +kubebuilder:validation:Enum=gpg;ssh
type SigningKeyType string

// ImageUpdateAutomationSpec says how new tags get into Git.
type ImageUpdateAutomationSpec struct {
	// SourceRef names the GitRepository to write to.
	SourceRef AutomationSourceReference `json:"sourceRef"`

	// GitSpec says what to check out, how to commit and where to push. One that is
	// missing is InvalidSourceConfiguration.
	// +optional
	GitSpec *GitSpec `json:"git,omitempty"`

	// Interval between two runs, as in "30m". A new tag does not wait for it.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	Interval meta.Duration `json:"interval"`

	// PolicySelector picks the ImagePolicies of this namespace to use. Default: all.
	// +optional
	PolicySelector *metav1.LabelSelector `json:"policySelector,omitempty"`

	// PolicyChangeDelay is how long a run that a change of a policy asks for waits, so
	// that several changes are one commit. Default: it does not wait.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	PolicyChangeDelay meta.Duration `json:"policyChangeDelay,omitempty"`

	// Update says how files are changed. Default: setters in the whole repository.
	// +kubebuilder:default={"strategy":"Setters"}
	// +optional
	Update *UpdateStrategy `json:"update,omitempty"`

	// Suspend stops all work on the object. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// AutomationSourceReference names a GitRepository in any namespace.
type AutomationSourceReference struct {
	// APIVersion of the source. Default: that of this version of Capstan.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source; GitRepository is the only one.
	// +kubebuilder:validation:Enum=GitRepository
	// +kubebuilder:default=GitRepository
	Kind string `json:"kind"`

	// Name of the source.
	Name string `json:"name"`

	// Namespace of the source. Default: the namespace of the automation. Another one
	// is AccessDenied where cross-namespace references are switched off.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// UpdateStrategy says how files are changed.
type UpdateStrategy struct {
	// Strategy; Setters is the only one. Default: Setters.
	// +kubebuilder:validation:Enum=Setters
	// +kubebuilder:default=Setters
	// +optional
	Strategy string `json:"strategy,omitempty"`

	// Path of the directory to change. Default: the whole repository.
	// +optional
	Path string `json:"path,omitempty"`
}

// GitSpec says what to check out, how to commit and where to push.
type GitSpec struct {
	// Checkout says what to check out. Default: what the GitRepository follows.
	// +optional
	Checkout *GitCheckoutSpec `json:"checkout,omitempty"`

	// Commit says how to commit.
	Commit CommitSpec `json:"commit"`

	// Push says where to push. Default: the branch that was checked out.
	// +optional
	Push *PushSpec `json:"push,omitempty"`
}

// GitCheckoutSpec says what to check out.
type GitCheckoutSpec struct {
	// Reference to check out.
	Reference sourcev1.GitRepositoryRef `json:"ref"`
}

// CommitSpec says how to commit.
type CommitSpec struct {
	// Author and committer of the commits.
	Author CommitUser `json:"author"`

	// SigningKey signs the commits. Default: they are not signed.
	// +optional
	SigningKey *SigningKey `json:"signingKey,omitempty"`

	// MessageTemplate is a Go template over what changed. Default: a fixed text.
	// +optional
	MessageTemplate string `json:"messageTemplate,omitempty"`

	// MessageTemplateValues are what the template knows as .Values.
	// +optional
	MessageTemplateValues map[string]string `json:"messageTemplateValues,omitempty"`
}

// CommitUser is the author of commits.
type CommitUser struct {
	// Name of the author.
	// +optional
	Name string `json:"name,omitempty"`

	// Email of the author.
	Email string `json:"email"`
}

// SigningKey says where the key that signs commits is.
type SigningKey struct {
	// Type of the key. Default: gpg.
	// +optional
	Type SigningKeyType `json:"type,omitempty"`

	// SecretRef names the Secret: git.asc and passphrase for gpg, identity and
	// password for ssh.
	SecretRef meta.LocalObjectReference `json:"secretRef"`
}

// PushSpec says where to push.
type PushSpec struct {
	// Branch to push to; it is made if it does not exist. Default: the branch that
	// was checked out.
	// +optional
	Branch string `json:"branch,omitempty"`

	// Refspec of a second push, as in "refs/heads/main:refs/for/main". It may not
	// begin with "+", which would overwrite the branch, or ":", which would delete
	// it. Default: none.
	// +kubebuilder:validation:Pattern="^$|^[^+:]"
	// +optional
	Refspec string `json:"refspec,omitempty"`

	// Options are sent to the server with the push.
	// +optional
	Options map[string]string `json:"options,omitempty"`
}

// ObservedPolicies maps names of ImagePolicies to the images they picked.
type ObservedPolicies map[string]ImageRef

// ImageUpdateAutomationStatus is what was done.
type ImageUpdateAutomationStatus struct {
	meta.CommonStatus `json:",inline"`

	// LastAutomationRunTime is when the last run began.
	// +optional
	LastAutomationRunTime *metav1.Time `json:"lastAutomationRunTime,omitempty"`

	// LastPushCommit is the hash of the commit that was pushed last.
	// +optional
	LastPushCommit string `json:"lastPushCommit,omitempty"`

	// LastPushTime is when it was pushed.
	// +optional
	LastPushTime *metav1.Time `json:"lastPushTime,omitempty"`

	// ObservedPolicies are the policies of the last run.
	// +optional
	ObservedPolicies ObservedPolicies `json:"observedPolicies,omitempty"`

	// ObservedSourceRevision is the revision of the source of the last run.
	// +optional
	ObservedSourceRevision string `json:"observedSourceRevision,omitempty"`
}

// ImageUpdateAutomation writes new tags of images to Git.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=iua;imgupd;imgauto,categories=all;fluxcd;fluxcd-images
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Last run",type=string,JSONPath=`.status.lastAutomationRunTime`,priority=1
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
type ImageUpdateAutomation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec ImageUpdateAutomationSpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status ImageUpdateAutomationStatus `json:"status,omitempty"`
}

// ImageUpdateAutomationList is a list of ImageUpdateAutomations.
//
// +kubebuilder:object:root=true
type ImageUpdateAutomationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []ImageUpdateAutomation `json:"items"`
}
