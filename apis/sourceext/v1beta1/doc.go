// Package v1beta1 holds the ArtifactGenerator kind of the API group
// source.extensions.fluxcd.io.
//
// +kubebuilder:object:generate=true
// +groupName=source.extensions.fluxcd.io
package v1beta1
