package v2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// HelmReleaseStatus is what was observed of the release.
type HelmReleaseStatus struct {
	meta.CommonStatus `json:",inline"`

	// LastHandledForceAt is the value of the annotation reconcile.fluxcd.io/forceAt
	// that was handled last.
	// +optional
	LastHandledForceAt string `json:"lastHandledForceAt,omitempty"`

	// LastHandledResetAt is the value of the annotation reconcile.fluxcd.io/resetAt
	// that was handled last.
	// +optional
	LastHandledResetAt string `json:"lastHandledResetAt,omitempty"`

	// HelmChart is the source that was made for the release: a HelmChart as
	// <namespace>/<name>, another kind as <kind>/<namespace>/<name>.
	// +optional
	HelmChart string `json:"helmChart,omitempty"`

	// StorageNamespace is where the history of the release is kept.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	StorageNamespace string `json:"storageNamespace,omitempty"`

	// History of the release, latest first, at most five entries.
	// +optional
	History Snapshots `json:"history,omitempty"`

	// Inventory lists the objects of the release.
	// +optional
	Inventory *meta.ResourceInventory `json:"inventory,omitempty"`

	// Failures counts failed reconciles since the last success or change.
	// +optional
	Failures int64 `json:"failures,omitempty"`

	// InstallFailures counts failed installs since the last change.
	// +optional
	InstallFailures int64 `json:"installFailures,omitempty"`

	// UpgradeFailures counts failed upgrades since the last change.
	// +optional
	UpgradeFailures int64 `json:"upgradeFailures,omitempty"`

	// LastAttemptedGeneration is the generation that was tried last.
	// +optional
	LastAttemptedGeneration int64 `json:"lastAttemptedGeneration,omitempty"`

	// LastAttemptedReleaseAction is the last install or upgrade.
	// +optional
	LastAttemptedReleaseAction ReleaseAction `json:"lastAttemptedReleaseAction,omitempty"`

	// LastAttemptedReleaseActionDuration is how long it took.
	// +optional
	LastAttemptedReleaseActionDuration meta.Duration `json:"lastAttemptedReleaseActionDuration,omitempty"`

	// LastAttemptedRevision is the version of the chart that was tried last.
	// +optional
	LastAttemptedRevision string `json:"lastAttemptedRevision,omitempty"`

	// LastAttemptedRevisionDigest is the digest of the OCI artifact it came from.
	// +optional
	LastAttemptedRevisionDigest string `json:"lastAttemptedRevisionDigest,omitempty"`

	// LastAttemptedConfigDigest is the digest of the values that were tried last.
	// +optional
	LastAttemptedConfigDigest string `json:"lastAttemptedConfigDigest,omitempty"`

	// LastAttemptedValuesChecksum is always empty; older versions wrote it.
	// +optional
	LastAttemptedValuesChecksum string `json:"lastAttemptedValuesChecksum,omitempty"`

	// LastReleaseRevision is always empty; older versions wrote it.
	// +optional
	LastReleaseRevision int `json:"lastReleaseRevision,omitempty"`

	// ObservedPostRenderersDigest is the digest of the post-renderers of the last
	// release.
	// +optional
	ObservedPostRenderersDigest string `json:"observedPostRenderersDigest,omitempty"`

	// ObservedCommonMetadataDigest is the digest of spec.commonMetadata of the last
	// release.
	// +optional
	ObservedCommonMetadataDigest string `json:"observedCommonMetadataDigest,omitempty"`
}

// Snapshots are releases, latest first.
type Snapshots []*Snapshot

// Latest returns the newest release, or nil.
func (in Snapshots) Latest() *Snapshot {
	if len(in) == 0 {
		return nil
	}
	return in[0]
}

// Snapshot is what is known of a release.
type Snapshot struct {
	// APIVersion of the digest. Without one the digest is not compared.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Digest of the release.
	Digest string `json:"digest"`

	// Action that made the release.
	// +optional
	Action string `json:"action,omitempty"`

	// Name of the release.
	Name string `json:"name"`

	// Namespace of the release.
	Namespace string `json:"namespace"`

	// Version of the release, counted by Helm.
	Version int `json:"version"`

	// Status of the release in Helm's words.
	Status string `json:"status"`

	// ChartName is the name of the chart.
	ChartName string `json:"chartName"`

	// ChartVersion is the version of the chart.
	ChartVersion string `json:"chartVersion"`

	// AppVersion is the version of the application in the chart.
	// +optional
	AppVersion string `json:"appVersion,omitempty"`

	// ConfigDigest is the digest of the values.
	ConfigDigest string `json:"configDigest"`

	// FirstDeployed is when the release was made first.
	FirstDeployed metav1.Time `json:"firstDeployed"`

	// LastDeployed is when the release was made last.
	LastDeployed metav1.Time `json:"lastDeployed"`

	// Deleted is when the release was deleted.
	// +optional
	Deleted metav1.Time `json:"deleted,omitempty"`

	// TestHooks are the results of its tests by name.
	// +optional
	TestHooks *map[string]*TestHookStatus `json:"testHooks,omitempty"`

	// OCIDigest is the digest of the OCI artifact the chart came from.
	// +optional
	OCIDigest string `json:"ociDigest,omitempty"`
}

// TestHookStatus is the result of a test.
type TestHookStatus struct {
	// LastStarted is when the test began.
	// +optional
	LastStarted metav1.Time `json:"lastStarted,omitempty"`

	// LastCompleted is when the test ended.
	// +optional
	LastCompleted metav1.Time `json:"lastCompleted,omitempty"`

	// Phase of the test in Helm's words.
	// +optional
	Phase string `json:"phase,omitempty"`
}
