package v2

import (
	"github.com/capstan-gitops/capstan/apis/meta"
)

// Install says how the release is installed.
type Install struct {
	// Timeout of the action. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// Remediation of a failed install. Default: the release stalls.
	// +optional
	Remediation *InstallRemediation `json:"remediation,omitempty"`

	// Strategy for a failed install. Default: RemediateOnFailure.
	// +optional
	Strategy *InstallStrategy `json:"strategy,omitempty"`

	// DisableTakeOwnership fails when an object exists that is not of the release.
	// Default: false, it is taken over.
	// +optional
	DisableTakeOwnership bool `json:"disableTakeOwnership,omitempty"`

	// DisableWait does not wait for objects to be ready. Default: false.
	// +optional
	DisableWait bool `json:"disableWait,omitempty"`

	// DisableWaitForJobs does not wait for Jobs to complete. Default: false.
	// +optional
	DisableWaitForJobs bool `json:"disableWaitForJobs,omitempty"`

	// DisableHooks does not run hooks. Default: false.
	// +optional
	DisableHooks bool `json:"disableHooks,omitempty"`

	// DisableOpenAPIValidation does not check manifests against the schema of the
	// cluster. Default: false.
	// +optional
	DisableOpenAPIValidation bool `json:"disableOpenAPIValidation,omitempty"`

	// DisableSchemaValidation does not check values against the schema of the chart.
	// Default: false.
	// +optional
	DisableSchemaValidation bool `json:"disableSchemaValidation,omitempty"`

	// Replace reuses the name of a deleted release that is still in the history.
	// Default: false.
	// +optional
	Replace bool `json:"replace,omitempty"`

	// SkipCRDs is accepted for compatibility and has no effect. Use crds.
	// +optional
	SkipCRDs bool `json:"skipCRDs,omitempty"`

	// CRDs says what is done with the CustomResourceDefinitions of the chart.
	// Default: Create.
	// +optional
	CRDs CRDsPolicy `json:"crds,omitempty"`

	// CreateNamespace creates the target namespace. Default: false.
	// +optional
	CreateNamespace bool `json:"createNamespace,omitempty"`

	// ServerSideApply has the server apply the objects. Default: true.
	// +optional
	ServerSideApply *bool `json:"serverSideApply,omitempty"`
}

// InstallRemediation says what is done about a failed install: it is uninstalled
// and tried again.
type InstallRemediation struct {
	// Retries is how often it is tried again; a negative number is without limit.
	// Default: 0.
	// +optional
	Retries int `json:"retries,omitempty"`

	// IgnoreTestFailures does not count failed tests as failures. Default:
	// spec.test.ignoreFailures.
	// +optional
	IgnoreTestFailures *bool `json:"ignoreTestFailures,omitempty"`

	// RemediateLastFailure uninstalls also after the last try. Default: false.
	// +optional
	RemediateLastFailure *bool `json:"remediateLastFailure,omitempty"`
}

// InstallStrategy says what is done when an install fails.
//
// +kubebuilder:validation:XValidation:rule="!has(self.retryInterval) || self.name != 'RemediateOnFailure'",message="retryInterval does not go with the strategy RemediateOnFailure"
type InstallStrategy struct {
	// Name of the strategy.
	Name ActionStrategyName `json:"name"`

	// RetryInterval between two tries with RetryOnFailure. Default: 5m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	RetryInterval meta.Duration `json:"retryInterval,omitempty"`
}

// Upgrade says how the release is upgraded.
type Upgrade struct {
	// Timeout of the action. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// Remediation of a failed upgrade. Default: the release stalls.
	// +optional
	Remediation *UpgradeRemediation `json:"remediation,omitempty"`

	// Strategy for a failed upgrade. Default: RemediateOnFailure.
	// +optional
	Strategy *UpgradeStrategy `json:"strategy,omitempty"`

	// DisableTakeOwnership fails when an object exists that is not of the release.
	// Default: false, it is taken over.
	// +optional
	DisableTakeOwnership bool `json:"disableTakeOwnership,omitempty"`

	// DisableWait does not wait for objects to be ready. Default: false.
	// +optional
	DisableWait bool `json:"disableWait,omitempty"`

	// DisableWaitForJobs does not wait for Jobs to complete. Default: false.
	// +optional
	DisableWaitForJobs bool `json:"disableWaitForJobs,omitempty"`

	// DisableHooks does not run hooks. Default: false.
	// +optional
	DisableHooks bool `json:"disableHooks,omitempty"`

	// DisableOpenAPIValidation does not check manifests against the schema of the
	// cluster. Default: false.
	// +optional
	DisableOpenAPIValidation bool `json:"disableOpenAPIValidation,omitempty"`

	// DisableSchemaValidation does not check values against the schema of the chart.
	// Default: false.
	// +optional
	DisableSchemaValidation bool `json:"disableSchemaValidation,omitempty"`

	// Force replaces objects that cannot be changed. It has no effect with
	// server-side apply. Default: false.
	// +optional
	Force bool `json:"force,omitempty"`

	// PreserveValues starts from the values of the last release. Default: false, it
	// starts from those of the chart.
	// +optional
	PreserveValues bool `json:"preserveValues,omitempty"`

	// CleanupOnFail deletes objects that a failed upgrade created. Default: false.
	// +optional
	CleanupOnFail bool `json:"cleanupOnFail,omitempty"`

	// CRDs says what is done with the CustomResourceDefinitions of the chart.
	// Default: Create.
	// +optional
	CRDs CRDsPolicy `json:"crds,omitempty"`

	// ServerSideApply: enabled and disabled force it, auto does as the last release
	// did. Default: auto.
	// +optional
	ServerSideApply ServerSideApplyMode `json:"serverSideApply,omitempty"`

	// ChartNameChangeStrategy says what is done when the name of the chart changes.
	// Default: Reinstall.
	// +optional
	ChartNameChangeStrategy ChartNameChangeStrategy `json:"chartNameChangeStrategy,omitempty"`
}

// UpgradeRemediation says what is done about a failed upgrade.
type UpgradeRemediation struct {
	// Retries is how often it is tried again; a negative number is without limit.
	// Default: 0.
	// +optional
	Retries int `json:"retries,omitempty"`

	// IgnoreTestFailures does not count failed tests as failures. Default:
	// spec.test.ignoreFailures.
	// +optional
	IgnoreTestFailures *bool `json:"ignoreTestFailures,omitempty"`

	// RemediateLastFailure remediates also after the last try. Default: true if
	// retries is above zero.
	// +optional
	RemediateLastFailure *bool `json:"remediateLastFailure,omitempty"`

	// Strategy: rollback goes back to the previous release, uninstall removes it.
	// Default: rollback.
	// +optional
	Strategy *RemediationStrategy `json:"strategy,omitempty"`
}

// UpgradeStrategy says what is done when an upgrade fails.
//
// +kubebuilder:validation:XValidation:rule="!has(self.retryInterval) || self.name == 'RetryOnFailure'",message="retryInterval needs the strategy RetryOnFailure"
type UpgradeStrategy struct {
	// Name of the strategy.
	Name ActionStrategyName `json:"name"`

	// RetryInterval between two tries with RetryOnFailure. Default: 5m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	RetryInterval meta.Duration `json:"retryInterval,omitempty"`
}

// Test says how the release is tested.
type Test struct {
	// Enable runs the tests of the chart after install and upgrade. Default: false.
	// +optional
	Enable bool `json:"enable,omitempty"`

	// Timeout of a test. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// IgnoreFailures does not count failed tests as failures. Default: false.
	// +optional
	IgnoreFailures bool `json:"ignoreFailures,omitempty"`

	// Filters pick tests by name. Default: all.
	// +optional
	Filters *[]Filter `json:"filters,omitempty"`
}

// Filter picks a test by name.
type Filter struct {
	// Name of the test.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Exclude leaves the test out. Default: false.
	// +optional
	Exclude bool `json:"exclude,omitempty"`
}

// Rollback says how the release is rolled back.
type Rollback struct {
	// Timeout of the action. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// DisableWait does not wait for objects to be ready. Default: false.
	// +optional
	DisableWait bool `json:"disableWait,omitempty"`

	// DisableWaitForJobs does not wait for Jobs to complete. Default: false.
	// +optional
	DisableWaitForJobs bool `json:"disableWaitForJobs,omitempty"`

	// DisableHooks does not run hooks. Default: false.
	// +optional
	DisableHooks bool `json:"disableHooks,omitempty"`

	// Recreate restarts Pods. It is accepted for compatibility. Default: false.
	// +optional
	Recreate bool `json:"recreate,omitempty"`

	// Force replaces objects that cannot be changed. Default: false.
	// +optional
	Force bool `json:"force,omitempty"`

	// CleanupOnFail deletes objects that a failed rollback created. Default: false.
	// +optional
	CleanupOnFail bool `json:"cleanupOnFail,omitempty"`

	// ServerSideApply: enabled and disabled force it, auto does as the release that
	// is gone back to did. Default: auto.
	// +optional
	ServerSideApply ServerSideApplyMode `json:"serverSideApply,omitempty"`
}

// Uninstall says how the release is uninstalled.
type Uninstall struct {
	// Timeout of the action. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// DisableHooks does not run hooks. Default: false.
	// +optional
	DisableHooks bool `json:"disableHooks,omitempty"`

	// KeepHistory keeps the history of the release. Default: false.
	// +optional
	KeepHistory bool `json:"keepHistory,omitempty"`

	// DisableWait does not wait for objects to be gone. Default: false.
	// +optional
	DisableWait bool `json:"disableWait,omitempty"`

	// DeletionPropagation says what becomes of dependents: background, foreground or
	// orphan. Default: background.
	// +kubebuilder:default=background
	// +kubebuilder:validation:Enum=background;foreground;orphan
	// +optional
	DeletionPropagation *string `json:"deletionPropagation,omitempty"`
}
