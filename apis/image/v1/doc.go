// Package v1 holds the kinds of the API group image.toolkit.fluxcd.io:
// ImageRepository, ImagePolicy and ImageUpdateAutomation.
//
// +kubebuilder:object:generate=true
// +groupName=image.toolkit.fluxcd.io
package v1
