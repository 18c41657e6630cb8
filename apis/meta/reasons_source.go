package meta

// Reasons of the source kinds.
const (
	// ReasonNewRevision says that a newer revision was seen upstream and is being stored.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonNewRevision Reason = "NewRevision"

	// ReasonNewChart says that a newer chart was seen and is being stored.
	//
	// Kinds: HelmChart.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonNewChart Reason = "NewChart"

	// ReasonIncludeChange says that an included artifact changed and the artifact is being
	// rebuilt.
	//
	// Kinds: GitRepository.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonIncludeChange Reason = "IncludeChange"

	// ReasonNewArtifact says that a new artifact is stored.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonNewArtifact Reason = "NewArtifact"

	// ReasonArtifactUpToDate says that the stored artifact is still the right one.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonArtifactUpToDate Reason = "ArtifactUpToDate"

	// ReasonArtifactVerificationFailed says that a stored file was missing or did not have
	// its digest, and is being rebuilt.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket; event.
	//
	// Do: if it happens again, check the volume of source-controller.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonArtifactVerificationFailed Reason = "ArtifactVerificationFailed"

	// ReasonFilesLeftOut says that files are not in the new artifact, because consumers would
	// not unpack their names. Everything else is in it.
	//
	// Kinds: GitRepository, OCIRepository, Bucket; event.
	//
	// Do: rename the files that the message names, or name them in .sourceignore.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonFilesLeftOut Reason = "FilesLeftOut"

	// ReasonGarbageCollectionSucceeded says that old artifacts were deleted.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonGarbageCollectionSucceeded Reason = "GarbageCollectionSucceeded"

	// ReasonGarbageCollectionFailed says that old artifacts could not be deleted.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket; event.
	//
	// Do: check the volume of source-controller.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonGarbageCollectionFailed Reason = "GarbageCollectionFailed"

	// ReasonGitOperationSucceeded says that the repository was looked at and has not
	// changed.
	//
	// Kinds: GitRepository; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonGitOperationSucceeded Reason = "GitOperationSucceeded"

	// ReasonResolvedDependencies says that the dependencies of a chart were resolved.
	//
	// Kinds: HelmChart; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonResolvedDependencies Reason = "ResolvedDependencies"

	// ReasonNoSourceArtifact says that the source of the chart has no artifact yet.
	//
	// Kinds: HelmChart.
	//
	// Do: look at the source.
	//
	// Retries: yes, when what is awaited changes.
	ReasonNoSourceArtifact Reason = "NoSourceArtifact"

	// ReasonSymlinkUpdateFailed says that the link to the latest artifact could not be
	// written.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket; event.
	//
	// Do: check the volume of source-controller.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonSymlinkUpdateFailed Reason = "SymlinkUpdateFailed"

	// ReasonCacheOperationFailed says that an index could not be kept in memory.
	//
	// Kinds: HelmRepository, HelmChart; event.
	//
	// Do: nothing; it costs time only.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonCacheOperationFailed Reason = "CacheOperationFailed"

	// ReasonSourceIgnoreError says that a .sourceignore file could not be read.
	//
	// Kinds: GitRepository; event.
	//
	// Do: correct the file.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonSourceIgnoreError Reason = "SourceIgnoreError"

	// ReasonPatchOperationFailed says that the object could not be written to the API
	// server.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket; event.
	//
	// Do: check the API server.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonPatchOperationFailed Reason = "PatchOperationFailed"

	// ReasonDirectoryCreationFailed says that a directory could not be made.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket,
	// Kustomization.
	//
	// Do: check the volume of the controller.
	//
	// Retries: yes, with growing pauses.
	ReasonDirectoryCreationFailed Reason = "DirectoryCreationFailed"

	// ReasonStatOperationFailed says that a file or directory could not be looked at.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket.
	//
	// Do: check the volume of source-controller.
	//
	// Retries: yes, with growing pauses.
	ReasonStatOperationFailed Reason = "StatOperationFailed"

	// ReasonArchiveOperationFailed says that the artifact could not be packed or written.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket.
	//
	// Do: check the volume of source-controller, and the limits on size and number of
	// files.
	//
	// Retries: yes, with growing pauses.
	ReasonArchiveOperationFailed Reason = "ArchiveOperationFailed"

	// ReasonAcquireLockFailed says that the lock on an artifact could not be had.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket.
	//
	// Do: check the volume of source-controller.
	//
	// Retries: yes, with growing pauses.
	ReasonAcquireLockFailed Reason = "AcquireLockFailed"

	// ReasonIllegalPath says that a path in the source leads out of it.
	//
	// Kinds: GitRepository.
	//
	// Do: correct the path the message names.
	//
	// Retries: yes, with growing pauses.
	ReasonIllegalPath Reason = "IllegalPath"

	// ReasonCopyFailure says that files could not be copied into the artifact.
	//
	// Kinds: GitRepository.
	//
	// Do: check the volume of source-controller.
	//
	// Retries: yes, with growing pauses.
	ReasonCopyFailure Reason = "CopyFailure"

	// ReasonEmptyGitRepository says that the repository has no commit.
	//
	// Kinds: GitRepository.
	//
	// Do: push a commit.
	//
	// Retries: yes, with growing pauses.
	ReasonEmptyGitRepository Reason = "EmptyGitRepository"

	// ReasonNotFound says that an included GitRepository does not exist.
	//
	// Kinds: GitRepository.
	//
	// Do: create it or correct spec.include.
	//
	// Retries: yes, when what is awaited changes.
	ReasonNotFound Reason = "NotFound"

	// ReasonNoArtifact says that an included GitRepository has no artifact yet.
	//
	// Kinds: GitRepository.
	//
	// Do: look at the included GitRepository.
	//
	// Retries: yes, when what is awaited changes.
	ReasonNoArtifact Reason = "NoArtifact"

	// ReasonVerificationError says that the signature could not be verified, or the keys
	// for it could not be read.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket.
	//
	// Do: check the keys in the Secret, and who signed.
	//
	// Retries: yes, with growing pauses.
	ReasonVerificationError Reason = "VerificationError"

	// ReasonInvalidVerificationMode says that spec.verify.mode asks for a tag and spec.ref
	// names none.
	//
	// Kinds: GitRepository.
	//
	// Do: name a tag, or use mode HEAD.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInvalidVerificationMode Reason = "InvalidVerificationMode"

	// ReasonInvalidGitObject says that a tag that has to be signed is not.
	//
	// Kinds: GitRepository.
	//
	// Do: sign the tag, or use mode HEAD.
	//
	// Retries: yes, with growing pauses.
	ReasonInvalidGitObject Reason = "InvalidGitObject"

	// ReasonInvalidTagSignature says that no key verifies the signature of the tag.
	//
	// Kinds: GitRepository.
	//
	// Do: check the keys in the Secret, and who signed the tag.
	//
	// Retries: yes, with growing pauses.
	ReasonInvalidTagSignature Reason = "InvalidTagSignature"

	// ReasonInvalidCommitSignature says that no key verifies the signature of the commit.
	//
	// Kinds: GitRepository.
	//
	// Do: check the keys in the Secret, and who signed the commit.
	//
	// Retries: yes, with growing pauses.
	ReasonInvalidCommitSignature Reason = "InvalidCommitSignature"

	// ReasonOCIArtifactPullFailed says that the OCI artifact could not be pulled.
	//
	// Kinds: OCIRepository.
	//
	// Do: check URL, reference and network.
	//
	// Retries: yes, with growing pauses.
	ReasonOCIArtifactPullFailed Reason = "OCIArtifactPullFailed"

	// ReasonOCIArtifactLayerOperationFailed says that the layer could not be found or
	// unpacked.
	//
	// Kinds: OCIRepository.
	//
	// Do: check spec.layerSelector against the artifact.
	//
	// Retries: yes, with growing pauses.
	ReasonOCIArtifactLayerOperationFailed Reason = "OCIArtifactLayerOperationFailed"

	// ReasonBucketOperationFailed says that the bucket does not exist, or could not be
	// listed or read.
	//
	// Kinds: Bucket.
	//
	// Do: check name, endpoint and rights.
	//
	// Retries: yes, with growing pauses.
	ReasonBucketOperationFailed Reason = "BucketOperationFailed"

	// ReasonInvalidSTSConfiguration says that spec.sts cannot be used.
	//
	// Kinds: Bucket.
	//
	// Do: correct spec.sts.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInvalidSTSConfiguration Reason = "InvalidSTSConfiguration"

	// ReasonIndexationFailed says that the index of the repository could not be read.
	//
	// Kinds: HelmRepository.
	//
	// Do: check that the URL serves a valid index.yaml within the size limit.
	//
	// Retries: yes, with growing pauses.
	ReasonIndexationFailed Reason = "IndexationFailed"

	// ReasonSourceUnavailable says that the source of the chart does not exist.
	//
	// Kinds: HelmChart.
	//
	// Do: create it or correct spec.sourceRef.
	//
	// Retries: yes, with growing pauses.
	ReasonSourceUnavailable Reason = "SourceUnavailable"

	// ReasonInvalidChartReference says that no chart of the repository has the name and
	// version.
	//
	// Kinds: HelmChart.
	//
	// Do: correct spec.chart or spec.version.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInvalidChartReference Reason = "InvalidChartReference"

	// ReasonChartPullError says that the chart could not be downloaded.
	//
	// Kinds: HelmChart.
	//
	// Do: check the repository and the size limit.
	//
	// Retries: yes, with growing pauses.
	ReasonChartPullError Reason = "ChartPullError"

	// ReasonChartPullSucceeded says that the chart was downloaded and is stored.
	//
	// Kinds: HelmChart.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonChartPullSucceeded Reason = "ChartPullSucceeded"

	// ReasonChartPackageSucceeded says that the chart was packaged and is stored.
	//
	// Kinds: HelmChart.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonChartPackageSucceeded Reason = "ChartPackageSucceeded"

	// ReasonChartPackageError says that the chart could not be packaged.
	//
	// Kinds: HelmChart.
	//
	// Do: correct the chart as the message says.
	//
	// Retries: yes, with growing pauses.
	ReasonChartPackageError Reason = "ChartPackageError"

	// ReasonChartVerificationError says that the packaged chart is not what was asked for.
	//
	// Kinds: HelmChart.
	//
	// Do: check the chart's metadata.
	//
	// Retries: yes, with growing pauses.
	ReasonChartVerificationError Reason = "ChartVerificationError"

	// ReasonMetadataPatchError says that the version of the chart could not be extended.
	//
	// Kinds: HelmChart.
	//
	// Do: use a version in Chart.yaml that is a semantic version.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonMetadataPatchError Reason = "MetadataPatchError"

	// ReasonValuesFilesError says that values files are missing or could not be merged.
	//
	// Kinds: HelmChart.
	//
	// Do: correct spec.valuesFiles, or set spec.ignoreMissingValuesFiles.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonValuesFilesError Reason = "ValuesFilesError"

	// ReasonDependencyBuildError says that a dependency of the chart could not be
	// resolved.
	//
	// Kinds: HelmChart.
	//
	// Do: add a HelmRepository with the URL of the dependency, or correct the chart.
	//
	// Retries: yes, with growing pauses.
	ReasonDependencyBuildError Reason = "DependencyBuildError"

	// ReasonUnsupportedSourceKind says that spec.sourceRef names a kind that holds no
	// charts.
	//
	// Kinds: HelmChart.
	//
	// Do: use a HelmRepository, GitRepository or Bucket.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonUnsupportedSourceKind Reason = "UnsupportedSourceKind"

	// ReasonSourceFetchFailed says that a source does not exist, has no artifact or could
	// not be fetched.
	//
	// Kinds: ArtifactGenerator; Alert, as an event.
	//
	// Do: look at the named source.
	//
	// Retries: yes, when what is awaited changes.
	ReasonSourceFetchFailed Reason = "SourceFetchFailed"

	// ReasonReconciliationDisabled says that an annotation asks to leave the object alone.
	//
	// Kinds: ArtifactGenerator.
	//
	// Do: remove the annotation source.extensions.fluxcd.io/reconcile to resume.
	//
	// Retries: no, until it is resumed.
	ReasonReconciliationDisabled Reason = "ReconciliationDisabled"

	// ReasonReady says that new artifacts were made.
	//
	// Kinds: ArtifactGenerator; event.
	//
	// Do: nothing.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonReady Reason = "Ready"
)
