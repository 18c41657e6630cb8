package ownership

import (
	"bytes"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// What earlier tools left on objects; a takeover removes it.
const (
	annotationLastApplied = "kubectl.kubernetes.io/last-applied-configuration"
	annotationSync        = "fluxcd.io/sync-checksum"
	labelSync             = "fluxcd.io/sync-gc-mark"
	// checksum follows the prefix of the policies.
	checksum = "checksum"
)

// rule selects field managers whose fields become ours, so that a field they set
// disappears when it is not in the source.
type rule struct {
	// prefix starts the names of the managers.
	prefix string
	// apply and update say which operations count.
	apply, update bool
}

// rulesOf returns the managers of the contract, followed by those an administrator
// added.
func rulesOf(manager string, taken []string) []rule {
	rules := []rule{
		{prefix: "kubectl", apply: true, update: true},
		{prefix: "before-first-apply", update: true},
		{prefix: manager, update: true},
	}
	for _, prefix := range taken {
		rules = append(rules, rule{prefix: prefix, apply: true, update: true})
	}
	return rules
}

// Takes reports whether the fields of an entry become ours. Entries of a
// subresource never do: they are a status, or a scale.
func (o *Owner) Takes(e *metav1.ManagedFieldsEntry) bool {
	if e.Subresource != "" || o.Owns(e) {
		return false
	}
	for _, r := range o.rules {
		byApply := r.apply && e.Operation == metav1.ManagedFieldsOperationApply
		byUpdate := r.update && e.Operation == metav1.ManagedFieldsOperationUpdate
		if (byApply || byUpdate) && r.prefix != "" && strings.HasPrefix(e.Manager, r.prefix) {
			return true
		}
	}
	return false
}

// TakeoverDue reports whether an object has fields to take over, or annotations or
// labels of an earlier tool to remove. One that is in our own field set was asked
// for and stays.
func (o *Owner) TakeoverDue(obj metav1.Object) bool {
	entries := obj.GetManagedFields()
	for i := range entries {
		if o.Takes(&entries[i]) {
			return true
		}
	}
	return len(o.Leftovers(obj, "annotations")) > 0 || len(o.Leftovers(obj, "labels")) > 0
}

// Leftovers returns the keys in the annotations or labels of an object that
// earlier tools left there and that are not ours.
func (o *Owner) Leftovers(obj metav1.Object, field string) []string {
	keys, have := []string{annotationLastApplied, o.names.PolicyPrefix + checksum, annotationSync}, obj.GetAnnotations()
	if field == "labels" {
		keys, have = []string{labelSync}, obj.GetLabels()
	}
	var found []string
	for _, key := range keys {
		if _, ok := have[key]; ok {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		return nil
	}
	ours := o.fields(obj)
	kept := found[:0]
	for _, key := range found {
		if !ours.Has(fieldpath.MakePathOrDie("metadata", field, key)) {
			kept = append(kept, key)
		}
	}
	return kept
}

// fields returns the set of our Apply entry; empty when there is none.
func (o *Owner) fields(obj metav1.Object) *fieldpath.Set {
	set := &fieldpath.Set{}
	entry := o.entry(obj)
	if entry == nil || entry.FieldsV1 == nil {
		return set
	}
	if err := set.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
		return &fieldpath.Set{}
	}
	return set
}

// Merge returns managed fields with the entries to take over made part of
// ours, and whether there were any.
func (o *Owner) Merge(entries []metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, bool, error) {
	var kept []metav1.ManagedFieldsEntry
	var own *metav1.ManagedFieldsEntry
	union, taken := &fieldpath.Set{}, false
	for i := range entries {
		e := entries[i]
		takes, isOwn := o.Takes(&e), o.Owns(&e)
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
		Manager: o.names.Manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: own.APIVersion,
		Time: own.Time, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(text)),
	}
	return append([]metav1.ManagedFieldsEntry{merged}, kept...), true, nil
}
