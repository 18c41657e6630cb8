package v1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Values of spec.type of a Receiver.
const (
	GenericReceiver     = "generic"
	GenericHMACReceiver = "generic-hmac"
	GenericOIDCReceiver = "generic-oidc"
	GitHubReceiver      = "github"
	GitLabReceiver      = "gitlab"
	BitbucketReceiver   = "bitbucket"
	HarborReceiver      = "harbor"
	DockerHubReceiver   = "dockerhub"
	QuayReceiver        = "quay"
	GCRReceiver         = "gcr"
	NexusReceiver       = "nexus"
	ACRReceiver         = "acr"
	CDEventsReceiver    = "cdevents"
)

const (
	// WebhookPathPrefix starts the path of every receiver.
	WebhookPathPrefix = "/hook/"

	// DefaultReceiverInterval is the interval of a Receiver that names none.
	DefaultReceiverInterval = 10 * time.Minute

	// DefaultOIDCAudience is the audience of a token when the provider names none.
	DefaultOIDCAudience = "notification-controller"
)

// ReceiverSpec says whom a webhook is from and what it wakes.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",message="spec.type generic-oidc needs an entry in spec.oidcProviders"
// +kubebuilder:validation:XValidation:rule="self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",message="spec.oidcProviders needs spec.type generic-oidc"
// +kubebuilder:validation:XValidation:rule="self.type != 'generic-oidc' || !has(self.secretRef)",message="spec.type generic-oidc takes no spec.secretRef"
// +kubebuilder:validation:XValidation:rule="self.type == 'generic-oidc' || has(self.secretRef)",message="spec.secretRef is missing; only spec.type generic-oidc goes without"
type ReceiverSpec struct {
	// Type of the sender; it decides how a request is verified.
	// +kubebuilder:validation:Enum=generic;generic-hmac;generic-oidc;github;gitlab;bitbucket;harbor;dockerhub;quay;gcr;nexus;acr;cdevents
	Type string `json:"type"`

	// Interval between two checks of the receiver's own settings. Default: 10m.
	// +kubebuilder:default:="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval meta.Duration `json:"interval,omitempty"`

	// Events lists the kinds of event to act on, without regard to case. Default:
	// all.
	// +optional
	Events []string `json:"events,omitempty"`

	// Resources lists the objects to wake.
	Resources []ReceiverResource `json:"resources"`

	// ResourceFilter is a CEL expression over res (metadata of an object) and req
	// (body of the request) that has to be true for an object to be woken.
	// +optional
	ResourceFilter string `json:"resourceFilter,omitempty"`

	// SecretRef names the Secret whose key token makes the path unguessable and,
	// with most types, verifies the request. A missing one is TokenNotFound.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// OIDCProviders lists who may issue the tokens of requests with type
	// generic-oidc.
	// +listType=map
	// +listMapKey=issuerURL
	// +optional
	OIDCProviders []OIDCProvider `json:"oidcProviders,omitempty"`

	// Suspend stops all work on the object; requests are then answered with 503.
	// Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// OIDCProvider says whose tokens are accepted and what they have to claim.
type OIDCProvider struct {
	// IssuerURL of the provider; its keys are found by OIDC discovery.
	// +kubebuilder:validation:Pattern="^https?://"
	IssuerURL string `json:"issuerURL"`

	// Audience of the token. Default: "notification-controller".
	// +optional
	Audience string `json:"audience,omitempty"`

	// Variables are named CEL expressions over claims for use in the validations as
	// vars.
	// +optional
	Variables []OIDCVariable `json:"variables,omitempty"`

	// Validations all have to be true for a request to be accepted.
	// +kubebuilder:validation:MinItems=1
	Validations []OIDCValidation `json:"validations"`
}

// OIDCVariable is a named CEL expression.
type OIDCVariable struct {
	// Name of the variable.
	Name string `json:"name"`

	// Expression in CEL over claims and earlier vars.
	Expression string `json:"expression"`
}

// OIDCValidation is a condition on a token.
type OIDCValidation struct {
	// Expression in CEL over claims and vars; it has to be true.
	Expression string `json:"expression"`

	// Message that says what is wrong when it is not.
	Message string `json:"message"`
}

// CrossNamespaceObjectReference names objects of a kind, in any namespace.
type CrossNamespaceObjectReference struct {
	// APIVersion of the objects. Default: depends on the kind.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the objects.
	// +kubebuilder:validation:Enum=Bucket;GitRepository;Kustomization;HelmRelease;HelmChart;HelmRepository;ImageRepository;ImagePolicy;ImageUpdateAutomation;OCIRepository;ArtifactGenerator;ExternalArtifact
	Kind string `json:"kind"`

	// Name of the object, or "*" for all.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Namespace of the objects. Default: the namespace of the referring object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// MatchLabels are labels the objects have to have. A Receiver needs them with
	// the name "*".
	// +optional
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}

// ReceiverResource names objects to wake.
type ReceiverResource struct {
	CrossNamespaceObjectReference `json:",inline"`

	// Filter is a CEL expression, as spec.resourceFilter, for these objects; both
	// have to be true.
	// +optional
	Filter string `json:"filter,omitempty"`
}

// ReceiverStatus is what was observed.
type ReceiverStatus struct {
	meta.CommonStatus `json:",inline"`

	// WebhookPath is the path at which requests are accepted.
	// +optional
	WebhookPath string `json:"webhookPath,omitempty"`
}

// Receiver wakes objects when a webhook arrives.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:categories=all;fluxcd;fluxcd-notifications
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Receiver struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec ReceiverSpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status ReceiverStatus `json:"status,omitempty"`
}

// ReceiverList is a list of Receivers.
//
// +kubebuilder:object:root=true
type ReceiverList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []Receiver `json:"items"`
}

// CommonStatus returns the common part of the status.
func (in *Receiver) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *Receiver) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *Receiver) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *Receiver) SetConditions(conditions []metav1.Condition) { in.Status.Conditions = conditions }

// The kind fulfils the traits it is meant to have.
var (
	_ meta.Reconciled  = (*Receiver)(nil)
	_ meta.Conditioned = (*Receiver)(nil)
)
