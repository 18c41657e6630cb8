// Package v1beta3 holds the deprecated version of the Provider and Alert kinds of
// the API group notification.toolkit.fluxcd.io, for the definitions. The controllers
// use v1, in whose form the objects are stored.
//
// +kubebuilder:object:generate=true
// +groupName=notification.toolkit.fluxcd.io
package v1beta3
