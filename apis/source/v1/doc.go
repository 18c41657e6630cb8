// Package v1 holds the source kinds of the API group source.toolkit.fluxcd.io:
// GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket and
// ExternalArtifact.
//
// +kubebuilder:object:generate=true
// +groupName=source.toolkit.fluxcd.io
package v1
