package refusal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// ObjectError says what the API server had against one object.
type ObjectError struct {
	// ID is the object.
	ID inventory.ID
	// Step is what was attempted: "dry-run", "apply", "wait", "delete".
	Step string
	// Err is the cause, without values of a Secret.
	Err error
}

// Error returns the text of the contract, in one line of at most MaxText bytes.
func (e *ObjectError) Error() string {
	// What the other side says is what a user has to read; names that long are
	// nobody's.
	subject, name, answer := Line(e.ID.Subject(), MaxText/4), Line(e.ID.Kind+"/"+e.ID.Name, MaxText/4), ""
	if e.Err != nil {
		answer = Line(e.Err.Error(), MaxText*5/8)
	}
	var missing *NamespaceError
	switch reason := apierrors.ReasonForError(e.Err); {
	case errors.As(e.Err, &missing):
		return fmt.Sprintf("%s namespace not specified: %s", name, answer)
	case reason == metav1.StatusReasonNotFound || meta.IsNoMatchError(e.Err):
		return fmt.Sprintf("%s not found: %s", subject, answer)
	case reason == metav1.StatusReasonUnknown:
		return fmt.Sprintf("%s %s failed: %s", subject, e.Step, answer)
	default:
		// A webhook may answer with a reason of its own making.
		return fmt.Sprintf("%s %s failed (%s): %s", subject, e.Step, Line(string(reason), MaxText/16), answer)
	}
}

// Unwrap returns the cause.
func (e *ObjectError) Unwrap() error { return e.Err }

// NamespaceError is an object of a namespaced kind that names no namespace.
type NamespaceError struct{}

// Error returns the cause in words.
func (*NamespaceError) Error() string {
	return "its kind lives in namespaces and the object names none"
}

// UnknownFieldsError is an object with fields that the API server does not have.
type UnknownFieldsError struct {
	// Fields are their paths.
	Fields []string
}

// Error names the fields.
func (e *UnknownFieldsError) Error() string {
	return strings.Join(e.Fields, ", ") + ": field not declared in schema"
}

// Join makes one error of those of several objects, in the order of their names,
// so that the same failure always reads the same. It is nil when there are none.
func Join(failed []*ObjectError) error {
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
