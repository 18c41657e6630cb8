package apply

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/apply/dropped"
	"github.com/capstan-gitops/capstan/pkg/apply/normal"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
)

// maxRounds bounds the attempts for one object: a server names one unknown field of
// each map, and nobody means more than a few.
const maxRounds = 10

// withoutOwned returns the task less the metadata that only the server sets.
func withoutOwned(t *Task) *Task {
	less := *t
	less.Object, less.dropped.Owned = dropped.Owned(t.Object)
	return &less
}

// without returns the object less the fields at the given paths, which the server does
// not have; ok is false if it has none of them.
func (o object) without(paths []string) (less object, ok bool) {
	if len(paths) == 0 {
		return o, false
	}
	obj, found := dropped.Without(o.Object, paths)
	if len(found) == 0 {
		return o, false
	}
	task := *o.Task
	task.Object = obj
	task.dropped.Unknown = append(slices.Clone(task.dropped.Unknown), found...)
	o.Task = &task
	return o, true
}

// refusesUnknown reports that an unknown field is an error. For kinds that are not
// built in it is one in the contract.
func (t *Task) refusesUnknown() bool {
	return t.RefuseUnknown || !normal.BuiltIn(t.Object.GroupVersionKind())
}

// tolerant validates an object, and validates it again without the fields that the
// server says it does not have. All of them are found before one is an error,
// because a server names some only, and others each time.
func tolerant(o object, check func(object) (checked, error)) (checked, error) {
	for round := 1; ; round++ {
		c, err := check(o)
		less, some := o.without(dropped.Named(err))
		unknown := dropped.Names(o.dropped.Unknown, o.Sensitive)
		switch {
		case some && round < maxRounds:
			o = less
		case len(unknown) > 0 && o.refusesUnknown():
			return checked{}, &refusal.UnknownFieldsError{Fields: unknown}
		case len(unknown) > 0 && err != nil:
			// A misspelt field is often the reason why another one is missing.
			return c, fmt.Errorf("%w; left out, because they are not declared in schema: %s", err, strings.Join(unknown, ", "))
		default:
			return c, err
		}
	}
}
