package apply

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// operation is one step of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// takeOver makes fields that others set ours, so that the apply which follows
// removes those that are not in the source. The live object is read only when
// the answer to the dry-run showed that this is due: a dry-run shows our own
// entry as it would be, not as it is.
func (a *Applier) takeOver(ctx context.Context, j *job, seen *unstructured.Unstructured) error {
	if !a.opts.Marker.TakeoverDue(a.opts.Takeover, seen) {
		return nil
	}
	for attempt := 1; ; attempt++ {
		current, err := a.metadata(ctx, j.at, j.Object.GetNamespace(), j.Object.GetName())
		if err != nil {
			return err
		}
		operations, err := takeoverPatch(a.opts.Marker, a.opts.Takeover, current)
		if err != nil || len(operations) == 0 {
			return err
		}
		_, err = a.patch(ctx, j.at, j.Object.GetNamespace(), j.Object.GetName(), operations)
		if !apierrors.IsConflict(err) || attempt == attempts {
			return err
		}
	}
}

// takeoverPatch returns the patch that merges the entries of managers on the
// list into our Apply entry and removes marks of earlier tools. It fails on any
// version but the one it was made from.
func takeoverPatch(m mark.Marker, rules []mark.Takeover, obj *unstructured.Unstructured) ([]operation, error) {
	var operations []operation
	for _, field := range []string{"annotations", "labels"} {
		for _, key := range m.LegacyMarks(obj, field) {
			operations = append(operations, operation{Op: "remove", Path: "/metadata/" + field + "/" + escape(key)})
		}
	}
	entries, changed, err := m.Merge(rules, obj.GetManagedFields())
	if err != nil {
		return nil, err
	}
	if changed {
		operations = append(operations, operation{Op: "replace", Path: "/metadata/managedFields", Value: entries})
	}
	if len(operations) == 0 {
		return nil, nil
	}
	return append(operations, operation{Op: "replace", Path: "/metadata/resourceVersion", Value: obj.GetResourceVersion()}), nil
}

// escape writes a key as a part of a JSON pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
