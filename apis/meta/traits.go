package meta

import (
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Reconciled is an object that a controller reconciles by interval and by request.
//
// +kubebuilder:object:generate=false
type Reconciled interface {
	metav1.Object
	runtime.Object

	// CommonStatus returns the common part of the object's status, never nil.
	CommonStatus() *CommonStatus

	// Suspended reports whether spec.suspend asks to leave the object alone.
	Suspended() bool
}

// Conditioned is an object whose conditions can be read and written.
//
// +kubebuilder:object:generate=false
type Conditioned interface {
	fluxmeta.ObjectWithConditions
	fluxmeta.ObjectWithConditionsSetter
}

// Source is an object that offers an artifact.
//
// +kubebuilder:object:generate=false
type Source interface {
	metav1.Object
	runtime.Object
	fluxmeta.ObjectWithConditions

	// GetArtifact returns the stored artifact, or nil while there is none.
	GetArtifact() *Artifact
}
