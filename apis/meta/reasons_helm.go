package meta

// Reasons of the HelmRelease kind; those about drift are also those of Kustomization.
const (
	// ReasonInstallSucceeded says that the release was installed.
	//
	// Kinds: HelmRelease.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonInstallSucceeded Reason = "InstallSucceeded"

	// ReasonInstallFailed says that the release could not be installed.
	//
	// Kinds: HelmRelease.
	//
	// Do: read the message and the last lines of Helm's log in the event.
	//
	// Retries: as spec.install.remediation or spec.install.strategy says.
	ReasonInstallFailed Reason = "InstallFailed"

	// ReasonUpgradeSucceeded says that the release was upgraded.
	//
	// Kinds: HelmRelease.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonUpgradeSucceeded Reason = "UpgradeSucceeded"

	// ReasonUpgradeFailed says that the release could not be upgraded.
	//
	// Kinds: HelmRelease.
	//
	// Do: read the message and the last lines of Helm's log in the event.
	//
	// Retries: as spec.upgrade.remediation or spec.upgrade.strategy says.
	ReasonUpgradeFailed Reason = "UpgradeFailed"

	// ReasonTestSucceeded says that the tests of the release passed.
	//
	// Kinds: HelmRelease.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonTestSucceeded Reason = "TestSucceeded"

	// ReasonTestFailed says that a test of the release failed.
	//
	// Kinds: HelmRelease.
	//
	// Do: look at the test's Pod.
	//
	// Retries: as the remediation says, unless test failures are ignored.
	ReasonTestFailed Reason = "TestFailed"

	// ReasonAwaitingTests says that the tests of the release have not run yet.
	//
	// Kinds: HelmRelease.
	//
	// Do: wait.
	//
	// Retries: not needed.
	ReasonAwaitingTests Reason = "AwaitingTests"

	// ReasonRollbackSucceeded says that the release was rolled back to the previous one.
	//
	// Kinds: HelmRelease.
	//
	// Do: correct what made the upgrade fail.
	//
	// Retries: no, until chart or values change.
	ReasonRollbackSucceeded Reason = "RollbackSucceeded"

	// ReasonRollbackFailed says that the release could not be rolled back.
	//
	// Kinds: HelmRelease.
	//
	// Do: repair the release by hand, or ask for a forced upgrade.
	//
	// Retries: as spec.upgrade.remediation says.
	ReasonRollbackFailed Reason = "RollbackFailed"

	// ReasonUninstallSucceeded says that the release was uninstalled.
	//
	// Kinds: HelmRelease.
	//
	// Do: correct what made the install fail, if it is a remediation.
	//
	// Retries: no, until chart or values change.
	ReasonUninstallSucceeded Reason = "UninstallSucceeded"

	// ReasonUninstallFailed says that the release could not be uninstalled.
	//
	// Kinds: HelmRelease.
	//
	// Do: look at the objects and finalizers the message names.
	//
	// Retries: yes, with growing pauses.
	ReasonUninstallFailed Reason = "UninstallFailed"

	// ReasonPendingRelease says that an earlier action left the release locked, and it was
	// unlocked.
	//
	// Kinds: HelmRelease.
	//
	// Do: nothing.
	//
	// Retries: yes, at once.
	ReasonPendingRelease Reason = "PendingRelease"

	// ReasonDriftDetected says that live objects differ from what was applied or released.
	//
	// Kinds: HelmRelease, Kustomization.
	//
	// Do: find out who changed them; mode enabled corrects them.
	//
	// Retries: yes, at spec.interval.
	ReasonDriftDetected Reason = "DriftDetected"

	// ReasonNoDriftDetected says that no live object differs from what was applied or
	// released.
	//
	// Kinds: HelmRelease, Kustomization.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonNoDriftDetected Reason = "NoDriftDetected"

	// ReasonDriftCorrected says that objects that differed were corrected.
	//
	// Kinds: HelmRelease, Kustomization; event.
	//
	// Do: find out who changed them.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonDriftCorrected Reason = "DriftCorrected"

	// ReasonDriftCorrectionFailed says that objects that differ could not be corrected.
	//
	// Kinds: HelmRelease, Kustomization; event.
	//
	// Do: read the message; it names the object and the answer of the API server.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonDriftCorrectionFailed Reason = "DriftCorrectionFailed"

	// ReasonSourceNotReady says that the source of the chart is not ready.
	//
	// Kinds: HelmRelease.
	//
	// Do: look at the HelmChart, OCIRepository or ExternalArtifact.
	//
	// Retries: yes, when what is awaited changes.
	ReasonSourceNotReady Reason = "SourceNotReady"

	// ReasonValuesError says that the values could not be put together.
	//
	// Kinds: HelmRelease.
	//
	// Do: check that the objects in spec.valuesFrom exist and hold valid YAML.
	//
	// Retries: yes, with growing pauses.
	ReasonValuesError Reason = "ValuesError"

	// ReasonChartMutateError says that the version of the chart does not fit its source.
	//
	// Kinds: HelmRelease.
	//
	// Do: make the tag of the OCI artifact equal to the version of the chart.
	//
	// Retries: yes, with growing pauses.
	ReasonChartMutateError Reason = "ChartMutateError"

	// ReasonRESTClientError says that no connection to the target cluster could be set up.
	//
	// Kinds: HelmRelease.
	//
	// Do: check spec.kubeConfig and the service account.
	//
	// Retries: yes, with growing pauses.
	ReasonRESTClientError Reason = "RESTClientError"

	// ReasonResourceManagerError says that the client that applies objects could not be
	// set up.
	//
	// Kinds: HelmRelease.
	//
	// Do: check spec.kubeConfig and the service account.
	//
	// Retries: yes, with growing pauses.
	ReasonResourceManagerError Reason = "ResourceManagerError"

	// ReasonFactoryError says that Helm could not be set up.
	//
	// Kinds: HelmRelease.
	//
	// Do: read the message.
	//
	// Retries: yes, with growing pauses.
	ReasonFactoryError Reason = "FactoryError"

	// ReasonConfigFactoryErr says that the storage of Helm could not be set up.
	//
	// Kinds: HelmRelease.
	//
	// Do: check spec.storageNamespace and the rights in it.
	//
	// Retries: yes, with growing pauses.
	ReasonConfigFactoryErr Reason = "ConfigFactoryErr"

	// ReasonStateError says that the state of the release could not be determined.
	//
	// Kinds: HelmRelease.
	//
	// Do: check the rights on Secrets in the storage namespace.
	//
	// Retries: yes, with growing pauses.
	ReasonStateError Reason = "StateError"

	// ReasonReconcileError says that the next action on the release could not be run.
	//
	// Kinds: HelmRelease.
	//
	// Do: read the message.
	//
	// Retries: yes, with growing pauses.
	ReasonReconcileError Reason = "ReconcileError"

	// ReasonRetriesExceeded says that the release failed as often as the remediation
	// allows.
	//
	// Kinds: HelmRelease.
	//
	// Do: change chart or values, or set the annotation reconcile.fluxcd.io/resetAt.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonRetriesExceeded Reason = "RetriesExceeded"

	// ReasonMissingRollbackTarget says that there is no earlier release to roll back to.
	//
	// Kinds: HelmRelease.
	//
	// Do: change chart or values; consider the remediation strategy uninstall.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonMissingRollbackTarget Reason = "MissingRollbackTarget"

	// ReasonInventoryBuildFailed says that the list of the release's objects could not be
	// made.
	//
	// Kinds: HelmRelease; event.
	//
	// Do: read the message.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonInventoryBuildFailed Reason = "InventoryBuildFailed"

	// ReasonNamespaceCheckSkipped says that it could not be found out which objects of the
	// release are namespaced.
	//
	// Kinds: HelmRelease; event.
	//
	// Do: check the rights to read API resources.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonNamespaceCheckSkipped Reason = "NamespaceCheckSkipped"

	// ReasonHelmChartCreated says that the HelmChart of the release was created.
	//
	// Kinds: HelmRelease; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonHelmChartCreated Reason = "HelmChartCreated"

	// ReasonHelmChartConfigured says that the HelmChart of the release was changed.
	//
	// Kinds: HelmRelease; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonHelmChartConfigured Reason = "HelmChartConfigured"

	// ReasonHelmChartDeleted says that the HelmChart of the release was deleted.
	//
	// Kinds: HelmRelease; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonHelmChartDeleted Reason = "HelmChartDeleted"

	// ReasonHelmChartSyncErr says that the HelmChart of the release could not be written.
	//
	// Kinds: HelmRelease; event.
	//
	// Do: check the rights of helm-controller.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonHelmChartSyncErr Reason = "HelmChartSyncErr"
)
