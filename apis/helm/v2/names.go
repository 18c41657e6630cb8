package v2

// Labels and annotations of the objects of a release.
const (
	// LabelName holds the name of the HelmRelease.
	LabelName = "helm.toolkit.fluxcd.io/name"

	// LabelNamespace holds the namespace of the HelmRelease.
	LabelNamespace = "helm.toolkit.fluxcd.io/namespace"

	// PolicyDriftDetection with value "disabled" exempts an object from drift
	// detection.
	PolicyDriftDetection = "helm.toolkit.fluxcd.io/driftDetection"
)

// Values of spec.install.crds and spec.upgrade.crds.
const (
	// CRDsSkip leaves CustomResourceDefinitions alone.
	CRDsSkip CRDsPolicy = "Skip"

	// CRDsCreate creates those that do not exist.
	CRDsCreate CRDsPolicy = "Create"

	// CRDsCreateReplace creates and replaces them.
	CRDsCreateReplace CRDsPolicy = "CreateReplace"
)

// CRDsPolicy says what is done with the CustomResourceDefinitions of a chart.
//
// +kubebuilder:validation:Enum=Skip;Create;CreateReplace
type CRDsPolicy string

// Values of spec.upgrade.remediation.strategy.
const (
	// RemediateByRollback goes back to the previous release.
	RemediateByRollback RemediationStrategy = "rollback"

	// RemediateByUninstall uninstalls the release.
	RemediateByUninstall RemediationStrategy = "uninstall"
)

// RemediationStrategy says what is done about a failed upgrade.
//
// +kubebuilder:validation:Enum=rollback;uninstall
type RemediationStrategy string

// Values of spec.install.strategy.name and spec.upgrade.strategy.name.
const (
	// RemediateOnFailure does what the remediation says.
	RemediateOnFailure ActionStrategyName = "RemediateOnFailure"

	// RetryOnFailure tries again without a remediation in between.
	RetryOnFailure ActionStrategyName = "RetryOnFailure"
)

// ActionStrategyName says what is done when an install or upgrade fails.
//
// +kubebuilder:validation:Enum=RemediateOnFailure;RetryOnFailure
type ActionStrategyName string

// Values of spec.upgrade.serverSideApply and spec.rollback.serverSideApply.
const (
	ServerSideApplyEnabled  ServerSideApplyMode = "enabled"
	ServerSideApplyDisabled ServerSideApplyMode = "disabled"

	// ServerSideApplyAuto does as the last release did.
	ServerSideApplyAuto ServerSideApplyMode = "auto"
)

// ServerSideApplyMode says whether objects are applied by the server.
//
// +kubebuilder:validation:Enum=enabled;disabled;auto
type ServerSideApplyMode string

// Values of spec.waitStrategy.name.
const (
	// WaitPoller waits by the health rules that all of Capstan uses.
	WaitPoller WaitStrategyName = "poller"

	// WaitLegacy waits by Helm's own rules.
	WaitLegacy WaitStrategyName = "legacy"
)

// WaitStrategyName says by which rules objects are ready.
//
// +kubebuilder:validation:Enum=poller;legacy
type WaitStrategyName string

// Values of spec.postRenderStrategy.
const (
	// PostRenderNoHooks leaves hooks out of post-rendering.
	PostRenderNoHooks PostRenderStrategy = "nohooks"

	// PostRenderCombined renders hooks together with the rest.
	PostRenderCombined PostRenderStrategy = "combined"

	// PostRenderSeparate renders hooks by themselves.
	PostRenderSeparate PostRenderStrategy = "separate"
)

// PostRenderStrategy says what post-rendering does with hooks.
//
// +kubebuilder:validation:Enum=nohooks;combined;separate
type PostRenderStrategy string

// Values of spec.upgrade.chartNameChangeStrategy.
const (
	// ChartNameChangeInPlace upgrades the release to the other chart.
	ChartNameChangeInPlace ChartNameChangeStrategy = "InPlaceUpdate"

	// ChartNameChangeReinstall uninstalls the release and installs the other chart.
	ChartNameChangeReinstall ChartNameChangeStrategy = "Reinstall"
)

// ChartNameChangeStrategy says what is done when the name of the chart changes.
//
// +kubebuilder:validation:Enum=InPlaceUpdate;Reinstall
type ChartNameChangeStrategy string

// Values of status.lastAttemptedReleaseAction.
const (
	ReleaseActionInstall ReleaseAction = "install"
	ReleaseActionUpgrade ReleaseAction = "upgrade"
)

// Values of status.history[].action, beside the values of ReleaseAction.
const (
	SnapshotActionRollback             = "rollback"
	SnapshotActionUninstall            = "uninstall"
	SnapshotActionUninstallRemediation = "uninstall-remediation"
)

// ReleaseAction is an action that brings a release forward.
//
// +kubebuilder:validation:Enum=install;upgrade
type ReleaseAction string

// Values of spec.uninstall.deletionPropagation.
const (
	DeletionBackground = "background"
	DeletionForeground = "foreground"
	DeletionOrphan     = "orphan"
)

// SnapshotAPIVersion is the version of the digests in status.history.
const SnapshotAPIVersion = "v2"

// DefaultValuesKey is the key that spec.valuesFrom reads when it names none.
const DefaultValuesKey = "values.yaml"
