package apply

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/capstan-gitops/capstan/pkg/live"
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
func (a *Applier) takeOver(ctx context.Context, j *job) error {
	if !a.opts.Marker.TakeoverDue(a.opts.Takeover, j.answer) {
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
func takeoverPatch(m live.Marker, rules []live.Takeover, obj *unstructured.Unstructured) ([]operation, error) {
	var operations []operation
	for _, field := range []string{"annotations", "labels"} {
		for _, key := range m.LegacyMarks(obj, field) {
			operations = append(operations, operation{Op: "remove", Path: "/metadata/" + field + "/" + escape(key)})
		}
	}
	entries, changed, err := mergeEntries(m, rules, obj.GetManagedFields())
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

// mergeEntries returns managed fields with the entries to take over made part of
// ours.
func mergeEntries(m live.Marker, rules []live.Takeover, entries []metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, bool, error) {
	var kept []metav1.ManagedFieldsEntry
	var own *metav1.ManagedFieldsEntry
	union, taken := &fieldpath.Set{}, false
	for i := range entries {
		e := entries[i]
		takes, isOwn := m.Takes(rules, &e), m.Owns(&e)
		if !takes && !isOwn {
			kept = append(kept, e)
			continue
		}
		set := &fieldpath.Set{}
		if e.FieldsV1 != nil {
			if err := set.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())); err != nil {
				return nil, false, fmt.Errorf("reading the fields of manager %s: %w", e.Manager, err)
			}
		}
		union, taken = union.Union(set), taken || takes
		if own == nil || isOwn {
			own = &e
		}
	}
	if !taken {
		return entries, false, nil
	}
	text, err := union.ToJSON()
	if err != nil {
		return nil, false, fmt.Errorf("writing merged fields: %w", err)
	}
	merged := metav1.ManagedFieldsEntry{
		Manager: m.FieldManager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: own.APIVersion,
		Time: own.Time, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(text)),
	}
	return append([]metav1.ManagedFieldsEntry{merged}, kept...), true, nil
}

// escape writes a key as a part of a JSON pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
