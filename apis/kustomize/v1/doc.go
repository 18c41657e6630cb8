// Package v1 holds the Kustomization kind of the API group
// kustomize.toolkit.fluxcd.io.
//
// +kubebuilder:object:generate=true
// +groupName=kustomize.toolkit.fluxcd.io
package v1
