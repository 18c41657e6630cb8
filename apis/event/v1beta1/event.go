// Package v1beta1 holds the event that the controllers post to
// notification-controller as JSON, and the names of its metadata. It is not a kind
// of the Kubernetes API.
//
// +kubebuilder:object:generate=true
package v1beta1

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Group is the group of metadata keys that do not belong to one kind.
const Group = "event.toolkit.fluxcd.io"

// Severities of an event.
const (
	// SeverityTrace is recorded in Kubernetes and never posted.
	SeverityTrace = "trace"

	// SeverityInfo is that of Normal Kubernetes events.
	SeverityInfo = "info"

	// SeverityError is that of Warning Kubernetes events.
	SeverityError = "error"
)

// Suffixes of metadata keys; the group of the emitting kind, or Group, stands
// before them.
const (
	// MetaRevisionKey is the revision of an artifact.
	MetaRevisionKey = "revision"

	// MetaOriginRevisionKey is the revision of what an artifact was made from.
	MetaOriginRevisionKey = "originRevision"

	// MetaDigestKey is the digest of an artifact.
	MetaDigestKey = "digest"

	// MetaChecksumKey is the old name of MetaDigestKey.
	MetaChecksumKey = "checksum"

	// MetaTokenKey distinguishes two states of the same revision when events are
	// deduplicated.
	MetaTokenKey = "token"

	// MetaCommitKey is a Git commit; it wins over all revisions.
	MetaCommitKey = "commit"

	// MetaCommitStatusKey with MetaCommitStatusUpdateValue marks an event that is
	// there for commit statuses only.
	MetaCommitStatusKey = "commit_status"

	// MetaCommitStatusUpdateValue is the value of MetaCommitStatusKey.
	MetaCommitStatusUpdateValue = "update"

	// MetaChangeRequestKey is the number of a pull or merge request.
	MetaChangeRequestKey = "change_request"
)

// MaxMessageLength is how many characters a message can have.
const MaxMessageLength = 39000

// Key returns the metadata key of a suffix in an API group.
func Key(group, suffix string) string {
	return group + "/" + suffix
}

// Event is something that happened to an object.
type Event struct {
	// InvolvedObject is the object; kind, name and namespace have to be set.
	InvolvedObject corev1.ObjectReference `json:"involvedObject"`

	// Severity is info or error; trace is never posted.
	Severity string `json:"severity"`

	// Timestamp is when it happened.
	Timestamp metav1.Time `json:"timestamp"`

	// Message for people, at most MaxMessageLength characters.
	Message string `json:"message"`

	// Reason in one PascalCase word.
	Reason string `json:"reason"`

	// Metadata about the event; keys start with the API group of the object, or
	// with Group.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`

	// ReportingController is the name of the controller.
	ReportingController string `json:"reportingController"`

	// ReportingInstance is the name of the controller's Pod.
	// +optional
	ReportingInstance string `json:"reportingInstance,omitempty"`
}

// HasReason reports whether the event has the given reason.
func (e *Event) HasReason(reason string) bool {
	return e.Reason == reason
}

// HasMetadata reports whether a key with the given suffix, in whatever group, has
// the value.
func (e *Event) HasMetadata(suffix, value string) bool {
	for k, v := range e.Metadata {
		if v == value && (k == suffix || strings.HasSuffix(k, "/"+suffix)) {
			return true
		}
	}
	return false
}

// GetRevision returns the revision the event is about, or the empty string: the
// commit, else the revision of the origin, else that of the artifact. It reads the
// keys without group, as consumers have them after taking it off.
func (e *Event) GetRevision() string {
	for _, key := range []string{MetaCommitKey, MetaOriginRevisionKey, MetaRevisionKey} {
		if v := e.Metadata[key]; v != "" {
			return v
		}
	}
	return ""
}
