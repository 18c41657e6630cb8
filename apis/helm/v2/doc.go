// Package v2 holds the HelmRelease kind of the API group helm.toolkit.fluxcd.io.
//
// +kubebuilder:object:generate=true
// +groupName=helm.toolkit.fluxcd.io
package v2
