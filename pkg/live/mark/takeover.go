package mark

import (
	"bytes"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// The marks that earlier tools left on objects; a takeover removes them.
const (
	annotationLastApplied = "kubectl.kubernetes.io/last-applied-configuration"
	annotationChecksum    = "kustomize.toolkit.fluxcd.io/checksum"
	annotationSync        = "fluxcd.io/sync-checksum"
	labelSync             = "fluxcd.io/sync-gc-mark"
)

// Takeover selects field managers whose fields become ours, so that a field
// they set disappears when it is not in the source.
type Takeover struct {
	// Prefix starts the names of the managers.
	Prefix string
	// Apply and Update say which operations count.
	Apply, Update bool
}

// DefaultTakeover returns the managers of the contract, followed by those an
// administrator added.
func DefaultTakeover(fieldManager string, override ...string) []Takeover {
	rules := []Takeover{
		{Prefix: "kubectl", Apply: true, Update: true},
		{Prefix: "before-first-apply", Update: true},
		{Prefix: fieldManager, Update: true},
	}
	for _, prefix := range override {
		rules = append(rules, Takeover{Prefix: prefix, Apply: true, Update: true})
	}
	return rules
}

// LegacyAnnotations and LegacyLabels are the keys that a takeover removes.
func LegacyAnnotations() []string {
	return []string{annotationLastApplied, annotationChecksum, annotationSync}
}

// LegacyLabels returns the label keys that a takeover removes.
func LegacyLabels() []string { return []string{labelSync} }

// Takes reports whether the fields of an entry become those of the marker's
// manager. Entries of a subresource never do: they are a status, or a scale.
func (m Marker) Takes(rules []Takeover, e *metav1.ManagedFieldsEntry) bool {
	if e.Subresource != "" || m.Owns(e) {
		return false
	}
	for _, rule := range rules {
		byApply := rule.Apply && e.Operation == metav1.ManagedFieldsOperationApply
		byUpdate := rule.Update && e.Operation == metav1.ManagedFieldsOperationUpdate
		if (byApply || byUpdate) && rule.Prefix != "" && strings.HasPrefix(e.Manager, rule.Prefix) {
			return true
		}
	}
	return false
}

// TakeoverDue reports whether an object has fields to take over or marks of an
// earlier tool to remove. A mark that is in our own field set was asked for and
// stays.
func (m Marker) TakeoverDue(rules []Takeover, obj metav1.Object) bool {
	entries := obj.GetManagedFields()
	for i := range entries {
		if m.Takes(rules, &entries[i]) {
			return true
		}
	}
	return len(m.LegacyMarks(obj, "annotations")) > 0 || len(m.LegacyMarks(obj, "labels")) > 0
}

// LegacyMarks returns the keys in the annotations or labels of an object that
// earlier tools left there and that are not ours.
func (m Marker) LegacyMarks(obj metav1.Object, field string) []string {
	keys, have := LegacyAnnotations(), obj.GetAnnotations()
	if field == "labels" {
		keys, have = LegacyLabels(), obj.GetLabels()
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
	ours := m.fields(obj)
	kept := found[:0]
	for _, key := range found {
		if !ours.Has(fieldpath.MakePathOrDie("metadata", field, key)) {
			kept = append(kept, key)
		}
	}
	return kept
}

// fields returns the set of our Apply entry; empty when there is none.
func (m Marker) fields(obj metav1.Object) *fieldpath.Set {
	set := &fieldpath.Set{}
	entry := m.entry(obj)
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
func (m Marker) Merge(rules []Takeover, entries []metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, bool, error) {
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
