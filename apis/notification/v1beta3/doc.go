// Package v1beta3 holds the Provider and Alert kinds of the API group
// notification.toolkit.fluxcd.io.
//
// +kubebuilder:object:generate=true
// +groupName=notification.toolkit.fluxcd.io
package v1beta3
