package dropped

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
)

// maxReported is how many fields of an object are reported, maxName how many bytes
// of each.
const maxReported, maxName = 5, 128

// serverOwned is the metadata that only the API server sets. A manifest that was
// exported from a cluster has it: it would bind the apply to another state of the
// object, or have the server delete it.
var serverOwned = []string{
	"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid",
}

// Fields are the paths of the fields that were taken out of an object.
type Fields struct {
	// Owned are those that only the server sets, Unknown those that it does not have.
	Owned, Unknown []string
}

// Owned returns an object less the metadata that only the server sets, and the paths
// of what was taken out. The object itself stays as it is.
func Owned(obj *unstructured.Unstructured) (*unstructured.Unstructured, []string) {
	metadata, ok := obj.Object["metadata"].(map[string]any)
	if !ok {
		return obj, nil
	}
	kept := maps.Clone(metadata)
	var paths []string
	for _, name := range serverOwned {
		if _, written := metadata[name]; written {
			paths = append(paths, ".metadata."+name)
			delete(kept, name)
		}
	}
	if len(paths) == 0 {
		return obj, nil
	}
	less := &unstructured.Unstructured{Object: maps.Clone(obj.Object)}
	less.Object["metadata"] = kept
	return less, paths
}

// Report names fields in a form that a status can hold: what the server does not have
// comes first.
func (f Fields) Report(sensitive bool) []string {
	names := append(Names(f.Unknown, sensitive), Names(f.Owned, false)...)
	if more := len(names) - maxReported; more > 0 {
		names = append(names[:maxReported], fmt.Sprintf("and %d more", more))
	}
	return names
}

// HasUnknown reports that fields which the server does not have are among those of a
// report.
func HasUnknown(report []string) bool {
	if len(report) == 0 {
		return false
	}
	name, inMetadata := strings.CutPrefix(report[0], ".metadata.")
	return !inMetadata || !slices.Contains(serverOwned, name)
}

// Names returns paths as they are shown. In an object that holds secret values only what the
// schema has of a path is.
func Names(paths []string, sensitive bool) []string {
	var names []string
	for _, path := range paths {
		if sensitive {
			path = masked(path)
		}
		names = append(names, refusal.Line(path, maxName))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// masked returns a path without what the source chose of it: the name of the field,
// and the values of keys. In an object that holds secret values it may be one.
func masked(path string) string {
	end := strings.IndexByte(path, '[')
	if end < 0 {
		end = max(strings.LastIndexByte(path, '.'), 0)
	}
	return path[:end] + ".[…]"
}
