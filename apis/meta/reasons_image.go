package meta

// Reasons of the image kinds.
const (
	// ReasonImageURLInvalid says that the name of the image cannot be used.
	//
	// Kinds: ImageRepository, ImagePolicy.
	//
	// Do: write spec.image without scheme, tag and digest.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonImageURLInvalid Reason = "ImageURLInvalid"

	// ReasonFailure says that the tag store could not be read, or no tag satisfies the
	// policy.
	//
	// Kinds: ImageRepository, ImagePolicy.
	//
	// Do: check spec.policy and spec.filterTags against the tags of the image.
	//
	// Retries: yes, with growing pauses.
	ReasonFailure Reason = "Failure"

	// ReasonIntervalNotConfigured says that digests are to be looked up always and no
	// interval is given.
	//
	// Kinds: ImagePolicy.
	//
	// Do: set spec.interval.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonIntervalNotConfigured Reason = "IntervalNotConfigured"

	// ReasonInvalidPolicy says that the range, order or pattern of the policy cannot be
	// used.
	//
	// Kinds: ImagePolicy.
	//
	// Do: correct spec.policy or spec.filterTags.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInvalidPolicy Reason = "InvalidPolicy"

	// ReasonSourceManagerFailed says that the GitRepository, its credentials, the push
	// branch or the signing key cannot be used.
	//
	// Kinds: ImageUpdateAutomation.
	//
	// Do: correct what the message names.
	//
	// Retries: yes, with growing pauses.
	ReasonSourceManagerFailed Reason = "SourceManagerFailed"

	// ReasonUpdateFailed says that the files could not be updated.
	//
	// Kinds: ImageUpdateAutomation.
	//
	// Do: correct the marker or file the message names.
	//
	// Retries: yes, with growing pauses.
	ReasonUpdateFailed Reason = "UpdateFailed"

	// ReasonInvalidSourceConfiguration says that spec.sourceRef or spec.git cannot be
	// used.
	//
	// Kinds: ImageUpdateAutomation.
	//
	// Do: correct the spec.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInvalidSourceConfiguration Reason = "InvalidSourceConfiguration"

	// ReasonInvalidUpdateStrategy says that spec.update.strategy is not known.
	//
	// Kinds: ImageUpdateAutomation.
	//
	// Do: use the strategy Setters.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInvalidUpdateStrategy Reason = "InvalidUpdateStrategy"

	// ReasonInvalidPolicySelector says that spec.policySelector is not a valid label
	// selector.
	//
	// Kinds: ImageUpdateAutomation.
	//
	// Do: correct the selector.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonInvalidPolicySelector Reason = "InvalidPolicySelector"

	// ReasonRemovedTemplateField says that the message template uses a field that no
	// longer exists.
	//
	// Kinds: ImageUpdateAutomation.
	//
	// Do: use .Changed instead of .Updated and .Changed.ImageResult.
	//
	// Retries: no, until the object or what it refers to changes.
	ReasonRemovedTemplateField Reason = "RemovedTemplateField"
)
