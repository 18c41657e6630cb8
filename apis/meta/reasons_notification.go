package meta

// Reasons of the notification kinds.
const (
	// ReasonTokenNotFound says that the Secret of the receiver, or the key token in it,
	// does not exist.
	//
	// Kinds: Receiver.
	//
	// Do: create the Secret with the key token.
	//
	// Retries: yes, with growing pauses.
	ReasonTokenNotFound Reason = "TokenNotFound"

	// ReasonInvalidConfig says that a pattern or label selector of the alert cannot be
	// used, and is skipped.
	//
	// Kinds: Alert; event.
	//
	// Do: correct the alert.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonInvalidConfig Reason = "InvalidConfig"

	// ReasonNotificationDispatchFailed says that a notification could not be handed to its
	// provider.
	//
	// Kinds: Alert; event.
	//
	// Do: check the Provider: address, Secret and network.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonNotificationDispatchFailed Reason = "NotificationDispatchFailed"

	// ReasonMetadataAppendFailed says that the same metadata key comes from several
	// places; the notification is sent all the same.
	//
	// Kinds: Alert; event.
	//
	// Do: remove the key from spec.eventMetadata.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonMetadataAppendFailed Reason = "MetadataAppendFailed"

	// ReasonMigration says that an object of an old release was brought into the form of
	// this one, or, as a warning, that it cannot be.
	//
	// Kinds: Alert, Provider; event.
	//
	// Do: nothing, or what the warning says.
	//
	// Retries: not applicable, it is the reason of an event only.
	ReasonMigration Reason = "Migration"
)
