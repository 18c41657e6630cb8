package v1beta3

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
)

// AlertSpec says which events go to which Provider.
type AlertSpec struct {
	notificationv1.AlertSpec `json:",inline"`

	// Summary is not stored any more; v1 does not have it. Use eventMetadata with the
	// key summary instead.
	// +kubebuilder:validation:MaxLength:=255
	// +optional
	Summary string `json:"summary,omitempty"`
}

// Alert sends events to a Provider. It has no status.
//
// +kubebuilder:object:root=true
// +kubebuilder:deprecatedversion:warning="v1beta3 Alert is deprecated, upgrade to v1"
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
