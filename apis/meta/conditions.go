package meta

// Condition types that more than one kind uses.
const (
	// ConditionReady summarises an object: True when the last reconcile of the
	// current generation reached its goal.
	ConditionReady = "Ready"

	// ConditionReconciling is present, and True, while a reconcile runs or waits
	// to be tried again.
	ConditionReconciling = "Reconciling"

	// ConditionStalled is present, and True, while trying again cannot help until
	// somebody changes the object or what it refers to.
	ConditionStalled = "Stalled"

	// ConditionHealthy reports whether everything that was applied is healthy.
	ConditionHealthy = "Healthy"

	// ConditionDrifted is present, and True, while a live object differs from
	// what was applied and the difference has not been corrected.
	ConditionDrifted = "Drifted"

	// ConditionUnwatched is present, and True, while there are kinds whose applied
	// objects cannot be watched.
	ConditionUnwatched = "Unwatched"

	// ConditionFieldsDropped is present, and True, while there are applied objects of
	// which fields were left out: the API server does not have them, or sets them itself.
	ConditionFieldsDropped = "FieldsDropped"
)

// Condition types of the source kinds.
const (
	// ConditionArtifactInStorage is True when the stored artifact matches what
	// was observed upstream.
	ConditionArtifactInStorage = "ArtifactInStorage"

	// ConditionArtifactOutdated is present, and True, from the moment a newer
	// revision was observed until its artifact is stored.
	ConditionArtifactOutdated = "ArtifactOutdated"

	// ConditionSourceVerified reports whether the signature of the source holds; it
	// exists only while verification is configured.
	ConditionSourceVerified = "SourceVerified"

	// ConditionFetchFailed is present, and True, while the upstream cannot be
	// resolved or fetched.
	ConditionFetchFailed = "FetchFailed"

	// ConditionBuildFailed is present, and True, while a chart cannot be built
	// from its source.
	ConditionBuildFailed = "BuildFailed"

	// ConditionStorageOperationFailed is present, and True, while the artifact
	// cannot be written to or read from local storage.
	ConditionStorageOperationFailed = "StorageOperationFailed"

	// ConditionIncludeUnavailable is present, and True, while an artifact that is
	// to be included is missing.
	ConditionIncludeUnavailable = "IncludeUnavailable"
)

// Condition types of the HelmRelease kind.
const (
	// ConditionReleased reports whether the last install, upgrade, rollback or
	// uninstall succeeded.
	ConditionReleased = "Released"

	// ConditionTestSuccess reports whether the tests of the current release passed.
	ConditionTestSuccess = "TestSuccess"

	// ConditionRemediated reports whether the remediation of a failed release
	// succeeded.
	ConditionRemediated = "Remediated"
)
