package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// AlertSpec says which events go to which Provider.
type AlertSpec struct {
	// ProviderRef names the Provider in the same namespace.
	ProviderRef meta.LocalObjectReference `json:"providerRef"`

	// EventSeverity: error takes errors only, info takes everything. Default: info.
	// +kubebuilder:validation:Enum=info;error
	// +kubebuilder:default:=info
	// +optional
	EventSeverity string `json:"eventSeverity,omitempty"`

	// EventSources lists the objects whose events are taken.
	EventSources []CrossNamespaceObjectReference `json:"eventSources"`

	// InclusionList holds regular expressions of which one has to match the message.
	// Default: every message is taken. An expression that does not compile is
	// skipped.
	// +optional
	InclusionList []string `json:"inclusionList,omitempty"`

	// EventMetadata is added to every notification.
	// +optional
	EventMetadata map[string]string `json:"eventMetadata,omitempty"`

	// ExclusionList holds regular expressions of which none may match the message.
	// An expression that does not compile is skipped.
	// +optional
	ExclusionList []string `json:"exclusionList,omitempty"`

	// Suspend stops the notifications. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Alert sends events to a Provider. It has no status.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:categories=all;fluxcd;fluxcd-notifications
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
type Alert struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec AlertSpec `json:"spec,omitempty"`
}

// AlertList is a list of Alerts.
//
// +kubebuilder:object:root=true
type AlertList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []Alert `json:"items"`
}

// Suspended reports whether the object is to be left alone.
func (in *Alert) Suspended() bool { return in.Spec.Suspend }
