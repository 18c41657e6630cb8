package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// CommonStatus returns the common part of the status.
func (in *GitRepository) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *GitRepository) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *GitRepository) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *GitRepository) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetArtifact returns the stored artifact, or nil while there is none.
func (in *GitRepository) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// CommonStatus returns the common part of the status.
func (in *OCIRepository) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *OCIRepository) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *OCIRepository) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *OCIRepository) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetArtifact returns the stored artifact, or nil while there is none.
func (in *OCIRepository) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// CommonStatus returns the common part of the status.
func (in *HelmRepository) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *HelmRepository) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *HelmRepository) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *HelmRepository) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetArtifact returns the stored artifact, or nil while there is none.
func (in *HelmRepository) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// CommonStatus returns the common part of the status.
func (in *HelmChart) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *HelmChart) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *HelmChart) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *HelmChart) SetConditions(conditions []metav1.Condition) { in.Status.Conditions = conditions }

// GetArtifact returns the stored artifact, or nil while there is none.
func (in *HelmChart) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// CommonStatus returns the common part of the status.
func (in *Bucket) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *Bucket) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *Bucket) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *Bucket) SetConditions(conditions []metav1.Condition) { in.Status.Conditions = conditions }

// GetArtifact returns the stored artifact, or nil while there is none.
func (in *Bucket) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// GetConditions returns the conditions of the object.
func (in *ExternalArtifact) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *ExternalArtifact) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetArtifact returns the offered artifact, or nil while there is none.
func (in *ExternalArtifact) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// The kinds fulfil the traits they are meant to have.
var (
	_ meta.Reconciled = (*GitRepository)(nil)
	_ meta.Reconciled = (*OCIRepository)(nil)
	_ meta.Reconciled = (*HelmRepository)(nil)
	_ meta.Reconciled = (*HelmChart)(nil)
	_ meta.Reconciled = (*Bucket)(nil)

	_ meta.Source = (*GitRepository)(nil)
	_ meta.Source = (*OCIRepository)(nil)
	_ meta.Source = (*HelmRepository)(nil)
	_ meta.Source = (*HelmChart)(nil)
	_ meta.Source = (*Bucket)(nil)
	_ meta.Source = (*ExternalArtifact)(nil)

	_ meta.Conditioned = (*GitRepository)(nil)
	_ meta.Conditioned = (*OCIRepository)(nil)
	_ meta.Conditioned = (*HelmRepository)(nil)
	_ meta.Conditioned = (*HelmChart)(nil)
	_ meta.Conditioned = (*Bucket)(nil)
	_ meta.Conditioned = (*ExternalArtifact)(nil)
)
