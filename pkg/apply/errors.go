package apply

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// ObjectError says what the API server had against one object.
type ObjectError struct {
	// ID is the object.
	ID inventory.ID
	// Step is what was attempted: "dry-run", "apply", "delete".
	Step string
	// Err is the cause, without values of a Secret.
	Err error
}

// Error returns the text of the contract.
func (e *ObjectError) Error() string {
	var missing *namespaceError
	switch reason := apierrors.ReasonForError(e.Err); {
	case errors.As(e.Err, &missing):
		return fmt.Sprintf("%s/%s namespace not specified: %s", e.ID.Kind, e.ID.Name, e.Err)
	case reason == metav1.StatusReasonNotFound || isNoMatch(e.Err):
		return fmt.Sprintf("%s not found: %s", e.ID.Subject(), e.Err)
	case reason == metav1.StatusReasonUnknown:
		return fmt.Sprintf("%s %s failed: %s", e.ID.Subject(), e.Step, e.Err)
	default:
		return fmt.Sprintf("%s %s failed (%s): %s", e.ID.Subject(), e.Step, reason, e.Err)
	}
}

// Unwrap returns the cause.
func (e *ObjectError) Unwrap() error { return e.Err }

// NamespaceTerminating reports that an object was refused because its namespace
// is being deleted: there is nothing to do until it is gone.
func NamespaceTerminating(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

// namespaceError is an object of a namespaced kind that names no namespace.
type namespaceError struct{}

// Error returns the cause in words.
func (*namespaceError) Error() string {
	return "its kind lives in namespaces and the object names none"
}

// join makes one error of those of several objects, in the order of their names,
// so that the same failure always reads the same.
func join(failed []*ObjectError) error {
	if len(failed) == 0 {
		return nil
	}
	slices.SortFunc(failed, func(a, b *ObjectError) int { return strings.Compare(a.ID.Subject(), b.ID.Subject()) })
	errs := make([]error, len(failed))
	for i, e := range failed {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// objectError wraps the failure of a step for one task.
func objectError(t *Task, step string, err error) *ObjectError {
	if t.sensitive() {
		err = withoutValues(err)
	}
	return &ObjectError{ID: t.ID, Step: step, Err: err}
}

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

// denied is how the authoriser words a refusal; an admission plug-in, which
// sees the content of the object, answers with the same reason.
var denied = regexp.MustCompile(`^[a-z0-9./-]+ "[^"]*" is forbidden: User "[^"]*" cannot [a-z]+ resource "[^"]*" in API group "[^"]*"( in the namespace "[^"]*")?`)

// withoutValues words the answer about an object with secret content anew, from
// the parts that cannot hold any of it: field paths and reasons. Validation
// messages quote what they refuse.
func withoutValues(err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return err
	}
	s := status.Status()
	if speaksFreely(s.Reason) {
		return err
	}
	text := "the answer is not shown because it may hold values of the object"
	switch quoted := denied.FindString(s.Message); {
	case s.Reason == metav1.StatusReasonForbidden && quoted != "":
		text = quoted
	case s.Details != nil && len(s.Details.Causes) > 0:
		text = fieldsOf(s.Details.Causes)
	}
	clean := &apierrors.StatusError{ErrStatus: metav1.Status{Status: s.Status, Code: s.Code, Reason: s.Reason, Message: text}}
	if NamespaceTerminating(err) {
		clean.ErrStatus.Details = &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}}
	}
	return clean
}

func fieldsOf(causes []metav1.StatusCause) string {
	fields := make([]string, 0, len(causes))
	for _, c := range causes {
		fields = append(fields, strings.TrimPrefix(c.Field+": "+string(c.Type), ": "))
	}
	slices.Sort(fields)
	return "refused fields: " + strings.Join(slices.Compact(fields), ", ")
}

var immutable = regexp.MustCompile(`is immutable|immutable field`)

// isImmutable reports that an object cannot be changed into what is asked for.
func isImmutable(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsInvalid(err) || err != nil && immutable.MatchString(err.Error())
}

// isTransient reports a failure after which the same request is worth another
// attempt at once.
func isTransient(err error) bool {
	if apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) {
		return true
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		return code == http.StatusBadGateway || code == http.StatusGatewayTimeout
	}
	return isConnection(err)
}
