package apply

import "github.com/capstan-gitops/capstan/pkg/apply/refusal"

// ObjectError says what the API server had against one object.
type ObjectError = refusal.ObjectError

// objectError wraps the failure of a step for one task.
func objectError(t *Task, step string, err error) *ObjectError {
	if t.sensitive() {
		err = refusal.WithoutValues(err, !t.Sensitive)
	}
	return &ObjectError{ID: t.ID, Step: step, Err: err}
}
