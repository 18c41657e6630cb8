// Package v1 holds the Provider, Alert and Receiver kinds of the API group
// notification.toolkit.fluxcd.io.
//
// +kubebuilder:object:generate=true
// +groupName=notification.toolkit.fluxcd.io
package v1
