package meta

// Reasons that kinds of several API groups use.
const (
	// ReasonSucceeded says that the last reconcile reached its goal.
	//
	// Kinds: all.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonSucceeded Reason = "Succeeded"

	// ReasonFailed says that the last reconcile failed and no narrower reason is known.
	//
	// Kinds: all.
	//
	// Do: read the message; it names what was attempted and what the other side answered.
	//
	// Retries: yes, with growing pauses.
	ReasonFailed Reason = "Failed"

	// ReasonProgressing says that a reconcile is running.
	//
	// Kinds: all.
	//
	// Do: wait.
	//
	// Retries: not needed.
	ReasonProgressing Reason = "Progressing"

	// ReasonProgressingWithRetry says that the last attempt failed and another one is due.
	//
	// Kinds: all; on the condition Reconciling.
	//
	// Do: read the Ready condition for the cause.
	//
	// Retries: yes, with growing pauses.
	ReasonProgressingWithRetry Reason = "ProgressingWithRetry"

	// ReasonSuspended says that the object, or one it depends on, is suspended.
	//
	// Kinds: all.
	//
	// Do: set spec.suspend to false to resume.
	//
	// Retries: no, until it is resumed.
	ReasonSuspended Reason = "Suspended"

	// ReasonDependencyNotReady says that something the object depends on does not exist or
	// is not ready.
	//
	// Kinds: Kustomization, HelmRelease, ImagePolicy.
	//
	// Do: look at the named dependency; check spec.dependsOn for cycles.
	//
	// Retries: yes, when what is awaited changes.
	ReasonDependencyNotReady Reason = "DependencyNotReady"

	// ReasonAccessDenied says that a reference to an object in another namespace is not
	// allowed.
	//
	// Kinds: Kustomization, HelmRelease, ImagePolicy, ImageUpdateAutomation,
	// ArtifactGenerator.
	//
	// Do: move the referenced object into the namespace, or have the administrator allow
	// such references.
	//
	// Retries: no, until the object or what it refers to changes; ImagePolicy retries.
	ReasonAccessDenied Reason = "AccessDenied"

	// ReasonAuthenticationFailed says that credentials are missing, malformed or refused.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket,
	// ImageRepository.
	//
	// Do: check that the Secret exists, has the keys the kind asks for, and is accepted by
	// the server.
	//
	// Retries: yes, with growing pauses.
	ReasonAuthenticationFailed Reason = "AuthenticationFailed"

	// ReasonURLInvalid says that the URL in the spec cannot be used.
	//
	// Kinds: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket.
	//
	// Do: correct spec.url.
	//
	// Retries: no, until the object or what it refers to changes; HelmRepository and
	// HelmChart retry when only its content is in doubt.
	ReasonURLInvalid Reason = "URLInvalid"

	// ReasonInvalidURL says that an address outside the spec, for example in a Secret, is
	// not a URL.
	//
	// Kinds: all.
	//
	// Do: correct the address.
	//
	// Retries: yes, with growing pauses.
	ReasonInvalidURL Reason = "InvalidURL"

	// ReasonInvalidPath says that a path leaves the place it has to stay in, or cannot be
	// used.
	//
	// Kinds: all.
	//
	// Do: correct the path.
	//
	// Retries: yes, with growing pauses.
	ReasonInvalidPath Reason = "InvalidPath"

	// ReasonInsecureConnectionsDisallowed says that plain HTTP is asked for where the
	// installation forbids it.
	//
	// Kinds: all.
	//
	// Do: use https, or have the administrator allow insecure connections.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInsecureConnectionsDisallowed Reason = "InsecureConnectionsDisallowed"

	// ReasonUnsupportedConnectionType says that a protocol is asked for that is not
	// supported.
	//
	// Kinds: all.
	//
	// Do: use a supported protocol.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonUnsupportedConnectionType Reason = "UnsupportedConnectionType"

	// ReasonInvalidCELExpression says that a CEL expression of the spec does not compile.
	//
	// Kinds: Kustomization, HelmRelease, Receiver.
	//
	// Do: correct the expression; the message quotes the compiler.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInvalidCELExpression Reason = "InvalidCELExpression"

	// ReasonFeatureGateDisabled says that the spec uses a feature whose gate is off in
	// this installation.
	//
	// Kinds: all.
	//
	// Do: have the administrator switch the gate on, or leave the field out.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonFeatureGateDisabled Reason = "FeatureGateDisabled"

	// ReasonIndexMismatch says that the index which a source published beside an artifact
	// does not describe the artifact's content. The content is used, the indexes of the
	// source are not believed any more.
	//
	// Kinds: Kustomization, as an event; added by Capstan.
	//
	// Do: find out who wrote to the storage or the status of the source.
	//
	// Retries: yes; nothing waits for it.
	ReasonIndexMismatch Reason = "IndexMismatch"

	// ReasonFieldNotSupported says that the spec sets a field of the API that this version
	// does not act on; it is refused rather than ignored.
	//
	// Kinds: all; added by Capstan.
	//
	// Do: remove the field the message names, or use a version that supports it.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonFieldNotSupported Reason = "FieldNotSupported"

	// ReasonValidationFailed says that fields of the spec contradict each other or have
	// values that cannot be used.
	//
	// Kinds: Receiver, ArtifactGenerator.
	//
	// Do: correct the spec as the message says.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonValidationFailed Reason = "ValidationFailed"

	// ReasonReconciliationSucceeded says that everything was applied and, if asked for, is
	// healthy.
	//
	// Kinds: Kustomization.
	//
	// Do: nothing.
	//
	// Retries: not needed.
	ReasonReconciliationSucceeded Reason = "ReconciliationSucceeded"

	// ReasonReconciliationFailed says that building the client, applying or recording what
	// was applied failed.
	//
	// Kinds: Kustomization, ArtifactGenerator.
	//
	// Do: read the message; it names the object and the answer of the API server.
	//
	// Retries: yes, at spec.retryInterval.
	ReasonReconciliationFailed Reason = "ReconciliationFailed"

	// ReasonArtifactFailed says that the artifact of the source is missing or could not be
	// fetched, verified or unpacked.
	//
	// Kinds: Kustomization, HelmRelease.
	//
	// Do: look at the source; a missing artifact appears when the source is ready.
	//
	// Retries: yes, when the source changes or at the retry interval.
	ReasonArtifactFailed Reason = "ArtifactFailed"

	// ReasonBuildFailed says that the manifests, or the parts of an artifact, could not be
	// built.
	//
	// Kinds: Kustomization, ArtifactGenerator.
	//
	// Do: correct the file the message names.
	//
	// Retries: yes, at the retry interval and at every new revision.
	ReasonBuildFailed Reason = "BuildFailed"

	// ReasonPruneFailed says that objects that are no longer wanted could not be deleted,
	// or are held until their deletion is confirmed.
	//
	// Kinds: Kustomization.
	//
	// Do: check the rights of the service account and the finalizers of the named objects;
	// confirm held deletions with the annotation capstan.dev/confirm-deletion.
	//
	// Retries: yes, at spec.retryInterval.
	ReasonPruneFailed Reason = "PruneFailed"

	// ReasonHealthCheckFailed says that an applied object failed or did not become healthy
	// in time.
	//
	// Kinds: Kustomization.
	//
	// Do: look at the named objects; raise spec.timeout if they only need longer.
	//
	// Retries: yes, at spec.retryInterval, and when the objects change.
	ReasonHealthCheckFailed Reason = "HealthCheckFailed"

	// ReasonHealthCheckCanceled says that waiting for health ended early because something
	// newer came.
	//
	// Kinds: Kustomization, HelmRelease.
	//
	// Do: wait for the next result.
	//
	// Retries: yes, at once.
	ReasonHealthCheckCanceled Reason = "HealthCheckCanceled"

	// ReasonGitOperationFailed says that the Git server, or the repository, did not do
	// what was asked: resolving, fetching, committing or pushing.
	//
	// Kinds: GitRepository, ImageUpdateAutomation.
	//
	// Do: check URL, reference and network; the message has the answer of the server.
	//
	// Retries: yes, with growing pauses.
	ReasonGitOperationFailed Reason = "GitOperationFailed"

	// ReasonFieldsDropped says that objects were applied without some of their fields:
	// the API server does not have them, or sets them itself.
	//
	// Kinds: Kustomization.
	//
	// Do: correct the name of the field, or take it out of the manifest; the message
	// names object and field. One that a newer cluster has is applied once it is upgraded.
	//
	// Retries: not needed; the server is asked again when the object changes, and once a day.
	ReasonFieldsDropped Reason = "FieldsDropped"

	// ReasonKindNotWatched says that applied objects of some kinds cannot be watched.
	//
	// Kinds: Kustomization.
	//
	// Do: allow the controller to list and watch the kinds that the message names;
	// until then a change by hand is found at the interval.
	//
	// Retries: yes, by itself.
	ReasonKindNotWatched Reason = "KindNotWatched"

	// ReasonReadOperationFailed says that listing or reading from a registry, or from
	// local storage, failed.
	//
	// Kinds: OCIRepository, HelmChart, ImageRepository.
	//
	// Do: check the URL, the network and the credentials.
	//
	// Retries: yes, with growing pauses.
	ReasonReadOperationFailed Reason = "ReadOperationFailed"

	// ReasonInvalidProviderConfiguration says that spec.provider and the Secret do not fit
	// together.
	//
	// Kinds: GitRepository.
	//
	// Do: give the Secret the keys the provider needs, or correct spec.provider.
	//
	// Retries: no, until the object or what it refers to changes if the Secret reference
	// is missing, with growing pauses otherwise.
	ReasonInvalidProviderConfiguration Reason = "InvalidProviderConfiguration"

	// ReasonUnknown says that an error came without a reason.
	//
	// Kinds: HelmChart.
	//
	// Do: read the message.
	//
	// Retries: yes, with growing pauses.
	ReasonUnknown Reason = "Unknown"
)
