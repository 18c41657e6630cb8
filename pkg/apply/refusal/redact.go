package refusal

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// hidden is said where nothing of an answer may be shown.
const hidden = "the answer is not shown because it may hold values of the object"

// maxFields is the most fields that are named.
const maxFields = 10

// speaksFreely are the reasons whose messages the API server composes of names
// and nothing else.
func speaksFreely(reason metav1.StatusReason) bool {
	switch reason {
	case metav1.StatusReasonNotFound, metav1.StatusReasonUnauthorized, metav1.StatusReasonTimeout,
		metav1.StatusReasonServerTimeout, metav1.StatusReasonTooManyRequests, metav1.StatusReasonAlreadyExists,
		metav1.StatusReasonServiceUnavailable:
		return true
	}
	return false
}

var (
	// denied is how the authoriser words a refusal; an admission plug-in, which sees
	// the content of the object, answers with the same reason.
	denied = regexp.MustCompile(`^[a-z0-9./-]+ "[^"]*" is forbidden: User "[^"]*" cannot [a-z]+ resource "[^"]*" in API group "[^"]*"( in the namespace "[^"]*")?`)
	// mistyped is how server-side apply words a value of the wrong type. The path
	// consists of the schema's names as long as it goes through no list or map.
	mistyped = regexp.MustCompile(`(?:^|\s)((?:\.[A-Za-z][A-Za-z0-9]*)+: expected [a-z]+)\b`)
	// keys are what a field path quotes of an object: keys of maps, which may come
	// from anywhere. Indexes are harmless.
	keys = regexp.MustCompile(`\[[^\]]*[^\]0-9][^\]]*\]?`)
)

// WithoutValues words the answer about an object with secret content anew, from
// the parts that cannot hold any of it: names of fields, reasons, and the name of
// the webhook or policy that answered. Validation messages quote what they refuse.
// The keys of maps on the way to a field are shown when they are known to hold
// nothing either: those of a Secret do not, unless something was substituted.
func WithoutValues(err error, keysToo bool) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return err
	}
	s := status.Status()
	by := admission.FindString(s.Message)
	if by == "" && speaksFreely(s.Reason) {
		return err
	}
	reason, text := s.Reason, hidden
	switch quoted := denied.FindString(s.Message); {
	case by != "":
		// The rest of the answer, its reason and its causes are the webhook's own words.
		reason, text = knownReason(reason), by+"; "+hidden
	case s.Reason == metav1.StatusReasonForbidden && quoted != "":
		text = quoted
	case s.Details != nil && len(s.Details.Causes) > 0:
		text = fieldsOf(s.Details.Causes, keysToo)
	case mistyped.MatchString(s.Message):
		text = "refused field: " + strings.TrimPrefix(mistyped.FindStringSubmatch(s.Message)[1], ".")
	}
	clean := &apierrors.StatusError{ErrStatus: metav1.Status{Status: s.Status, Code: s.Code, Reason: reason, Message: text}}
	if NamespaceTerminating(err) {
		clean.ErrStatus.Details = &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}}
	}
	return clean
}

// knownReason returns a reason that is one word of the API's; others a webhook
// may have made of anything.
func knownReason(reason metav1.StatusReason) metav1.StatusReason {
	switch reason {
	case metav1.StatusReasonForbidden, metav1.StatusReasonInvalid, metav1.StatusReasonBadRequest, metav1.StatusReasonConflict,
		metav1.StatusReasonInternalError, metav1.StatusReasonNotAcceptable:
		return reason
	}
	if speaksFreely(reason) {
		return reason
	}
	return metav1.StatusReasonUnknown
}

// fieldsOf names refused fields.
func fieldsOf(causes []metav1.StatusCause, keysToo bool) string {
	fields := make([]string, 0, len(causes))
	for _, c := range causes {
		field := c.Field
		if !keysToo {
			field = keys.ReplaceAllString(field, "[…]")
		}
		fields = append(fields, strings.TrimPrefix(field+": "+string(c.Type), ": "))
	}
	slices.Sort(fields)
	fields = slices.Compact(fields)
	if more := len(fields) - maxFields; more > 0 {
		fields = append(fields[:maxFields], "…")
	}
	return "refused fields: " + strings.Join(fields, ", ")
}
