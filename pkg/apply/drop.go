package apply

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/normal"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/apply/unknown"
)

const (
	// maxRounds bounds the attempts for one object: a server names one unknown field of
	// each map, and nobody means more than a few.
	maxRounds = 10
	// maxDropped is how many fields of an object are reported, maxDroppedName how many bytes of each.
	maxDropped, maxDroppedName = 5, 128
)

// serverOwned is the metadata that only the API server sets. A manifest that was
// exported from a cluster has it: it would bind the apply to another state of the
// object, or have the server delete it.
var serverOwned = []string{
	"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid",
}

// withoutServerOwned returns the task less the metadata that only the server sets.
func withoutServerOwned(t *Task) *Task {
	metadata, ok := t.Object.Object["metadata"].(map[string]any)
	if !ok {
		return t
	}
	var paths []string
	for _, name := range serverOwned {
		if _, written := metadata[name]; written {
			paths = append(paths, ".metadata."+name)
		}
	}
	if len(paths) == 0 {
		return t
	}
	less := *t
	less.Object = &unstructured.Unstructured{Object: maps.Clone(t.Object.Object)}
	kept := maps.Clone(metadata)
	for _, name := range serverOwned {
		delete(kept, name)
	}
	less.Object.Object["metadata"] = kept
	less.dropped = paths
	return &less
}

// without returns the object less the fields at the given paths, which the server does
// not have; ok is false if it has none of them.
func (o object) without(paths []string) (less object, ok bool) {
	if len(paths) == 0 {
		return o, false
	}
	obj, found := unknown.Without(o.Object, paths)
	if len(found) == 0 {
		return o, false
	}
	task := *o.Task
	task.Object = obj
	task.dropped = append(slices.Clone(o.dropped), found...)
	task.unknown = append(slices.Clone(o.unknown), found...)
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
		less, some := o.without(unknown.Named(err))
		switch {
		case some && round < maxRounds:
			o = less
		case len(o.unknown) > 0 && o.refusesUnknown():
			return checked{}, &refusal.UnknownFieldsError{Fields: o.named(o.unknown)}
		default:
			return c, err
		}
	}
}

// report names what was left out, in a form that a status can hold.
func (t *Task) report() []string {
	names := t.named(t.dropped)
	if more := len(names) - maxDropped; more > 0 {
		names = append(names[:maxDropped], fmt.Sprintf("and %d more", more))
	}
	return names
}

// named returns paths as they are reported.
func (t *Task) named(paths []string) []string {
	var names []string
	for _, path := range paths {
		if t.Sensitive {
			path = unknown.Masked(path)
		}
		names = append(names, refusal.Line(path, maxDroppedName))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
