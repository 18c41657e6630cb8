package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// CommonStatus returns the common part of the status.
func (in *ImageRepository) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *ImageRepository) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *ImageRepository) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *ImageRepository) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// CommonStatus returns the common part of the status.
func (in *ImagePolicy) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *ImagePolicy) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *ImagePolicy) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *ImagePolicy) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// CommonStatus returns the common part of the status.
func (in *ImageUpdateAutomation) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *ImageUpdateAutomation) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *ImageUpdateAutomation) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *ImageUpdateAutomation) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// The kinds fulfil the traits they are meant to have.
var (
	_ meta.Reconciled = (*ImageRepository)(nil)
	_ meta.Reconciled = (*ImagePolicy)(nil)
	_ meta.Reconciled = (*ImageUpdateAutomation)(nil)

	_ meta.Conditioned = (*ImageRepository)(nil)
	_ meta.Conditioned = (*ImagePolicy)(nil)
	_ meta.Conditioned = (*ImageUpdateAutomation)(nil)
)
