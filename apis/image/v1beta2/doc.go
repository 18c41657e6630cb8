// Package v1beta2 serves the kinds of image.toolkit.fluxcd.io to manifests that name
// this older version. It holds root types only: spec and status, and what is
// stored, are those of v1.
//
// +kubebuilder:object:generate=true
// +groupName=image.toolkit.fluxcd.io
package v1beta2
