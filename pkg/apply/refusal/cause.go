package refusal

import (
	"regexp"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

var (
	immutable = regexp.MustCompile(`is immutable|immutable field`)
	// admission is how the API server names the webhook or policy that refused an
	// object, or could not be asked.
	admission = regexp.MustCompile(`(?i)admission webhook "[^"]{1,253}" (denied the request|does not support dry run|attempted to modify[a-z ]*)|` +
		`failed calling webhook "[^"]{1,253}"|` +
		`Validating ?AdmissionPolicy '[^']{1,253}' with binding '[^']{1,253}' (denied request|failed)|` +
		`Mutating ?AdmissionPolicy '[^']{1,253}'`)
)

// NamespaceTerminating reports that an object was refused because its namespace
// is being deleted: there is nothing to do until it is gone.
func NamespaceTerminating(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

// Immutable reports that an object may be one that cannot be changed into what is
// asked for: the server says so in words, or finds the result invalid. Neither is
// reason enough to delete it; that it would be accepted as a new object has to be
// seen first. A refusal by somebody's webhook or policy counts by its words alone:
// a rule against changes is not overcome by deletion. A conflict never counts.
func Immutable(err error) bool {
	switch {
	case err == nil:
		return false
	case immutable.MatchString(err.Error()):
		return true
	}
	return apierrors.IsInvalid(err) && !ByAdmission(err)
}

// ByAdmission reports that a webhook or a policy of the cluster refused an object,
// or could not be asked.
func ByAdmission(err error) bool { return err != nil && admission.MatchString(err.Error()) }
