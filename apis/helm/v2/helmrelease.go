package v2

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

const (
	// DefaultTimeout bounds an action of a release whose spec names no timeout.
	DefaultTimeout = 5 * time.Minute

	// DefaultRetryInterval is the pause between two tries with RetryOnFailure.
	DefaultRetryInterval = 5 * time.Minute

	// DefaultMaxHistory is how many releases are kept in the history.
	DefaultMaxHistory = 5

	releaseNameLimit  = 53
	releaseNamePrefix = 40
	releaseNameHash   = 12
)

// GetTimeout returns the timeout of an action: that of the spec, or DefaultTimeout.
func (in *HelmRelease) GetTimeout() (time.Duration, error) {
	d, err := in.Spec.Timeout.Or(DefaultTimeout)
	if err != nil {
		return 0, fmt.Errorf("reading spec.timeout: %w", err)
	}
	return d, nil
}

// GetReleaseNamespace returns the namespace of the release.
func (in *HelmRelease) GetReleaseNamespace() string {
	if in.Spec.TargetNamespace != "" {
		return in.Spec.TargetNamespace
	}
	return in.Namespace
}

// GetStorageNamespace returns the namespace of the history.
func (in *HelmRelease) GetStorageNamespace() string {
	if in.Spec.StorageNamespace != "" {
		return in.Spec.StorageNamespace
	}
	return in.Namespace
}

// GetReleaseName returns the name of the release. A name that is too long for Helm
// keeps its beginning and gets a hash of the whole.
func (in *HelmRelease) GetReleaseName() string {
	if in.Spec.ReleaseName != "" {
		return in.Spec.ReleaseName
	}
	name := in.Name
	if in.Spec.TargetNamespace != "" {
		name = in.Spec.TargetNamespace + "-" + name
	}
	if len(name) <= releaseNameLimit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:releaseNamePrefix] + "-" + hex.EncodeToString(sum[:])[:releaseNameHash]
}

// GetMaxHistory returns how many releases are kept in the history; 0 keeps all.
func (in *HelmRelease) GetMaxHistory() int {
	if in.Spec.MaxHistory == nil {
		return DefaultMaxHistory
	}
	return *in.Spec.MaxHistory
}

// GetDriftMode returns what is done about drift: the mode of the spec, or disabled.
func (in *HelmRelease) GetDriftMode() meta.DriftMode {
	if in.Spec.DriftDetection == nil || in.Spec.DriftDetection.Mode == "" {
		return meta.DriftDisabled
	}
	return in.Spec.DriftDetection.Mode
}

// CommonStatus returns the common part of the status.
func (in *HelmRelease) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *HelmRelease) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *HelmRelease) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *HelmRelease) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// The kind fulfils the traits it is meant to have.
var (
	_ meta.Reconciled  = (*HelmRelease)(nil)
	_ meta.Conditioned = (*HelmRelease)(nil)
)
