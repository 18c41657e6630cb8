// Package takeover puts the metadata of an object in order before it is applied:
// what others set with kubectl or an earlier tool becomes ours, so that an apply
// removes it when the source has it no more, and managed fields speak of the API
// version that is applied.
//
// It is a model package: metadata in, JSON patches out.
package takeover

import (
	"bytes"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// Operation is one step of a JSON patch.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Plan says what is to be put in order.
type Plan struct {
	// Owner says which entry is ours, and whose fields become ours.
	Owner *ownership.Owner
	// Take says that they do; a policy may keep the fields of others, and with them
	// what earlier tools left.
	Take bool
	// Version is the API version that managed fields are to speak of; empty leaves
	// them as they are.
	Version string
}

// Due reports that something about an object is not in order.
func (p Plan) Due(obj metav1.Object) bool {
	return p.Take && p.Owner.TakeoverDue(obj) || p.Migrates(obj)
}

// Migrates reports that managed fields speak of another API version.
func (p Plan) Migrates(obj metav1.Object) bool {
	return p.Version != "" && otherVersions(obj.GetManagedFields(), p.Version)
}

// Patch returns what puts the metadata of a live object in order, nothing if it
// is. It fails on any version of the object but the one it was made from.
func (p Plan) Patch(obj metav1.Object) ([]Operation, error) {
	var operations []Operation
	entries, changed := obj.GetManagedFields(), false
	if p.Take {
		for _, field := range []string{"annotations", "labels"} {
			for _, key := range p.Owner.Leftovers(obj, field) {
				operations = append(operations, Operation{Op: "remove", Path: "/metadata/" + field + "/" + escape(key)})
			}
		}
		var err error
		if entries, changed, err = p.Owner.Merge(entries); err != nil {
			return nil, err
		}
	}
	if p.Version != "" && otherVersions(entries, p.Version) {
		var err error
		if entries, err = migrated(entries, p.Version); err != nil {
			return nil, err
		}
		changed = true
	}
	if changed {
		operations = append(operations, Operation{Op: "replace", Path: "/metadata/managedFields", Value: entries})
	}
	if len(operations) == 0 {
		return nil, nil
	}
	return append(operations, Operation{Op: "replace", Path: "/metadata/resourceVersion", Value: obj.GetResourceVersion()}), nil
}

// escape writes a key as a part of a JSON pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// otherVersions reports that entries speak of another API version.
func otherVersions(entries []metav1.ManagedFieldsEntry, version string) bool {
	for i := range entries {
		if entries[i].APIVersion != version {
			return true
		}
	}
	return false
}

// migrated returns managed fields that speak of one API version. Entries that
// differed in nothing else become one, because the server would drop all but the
// last of them.
func migrated(entries []metav1.ManagedFieldsEntry, version string) ([]metav1.ManagedFieldsEntry, error) {
	type author struct {
		manager, subresource string
		operation            metav1.ManagedFieldsOperationType
	}
	var out []metav1.ManagedFieldsEntry
	at := map[author]int{}
	for _, e := range entries {
		e.APIVersion = version
		who := author{e.Manager, e.Subresource, e.Operation}
		i, seen := at[who]
		if !seen {
			at[who] = len(out)
			out = append(out, e)
			continue
		}
		union, err := unionOf(out[i].FieldsV1, e.FieldsV1)
		if err != nil {
			return nil, fmt.Errorf("reading the fields of manager %s: %w", e.Manager, err)
		}
		out[i].FieldsV1 = union
		if out[i].Time == nil || e.Time != nil && out[i].Time.Before(e.Time) {
			out[i].Time = e.Time
		}
	}
	return out, nil
}

func unionOf(a, b *metav1.FieldsV1) (*metav1.FieldsV1, error) {
	union := &fieldpath.Set{}
	for _, fields := range []*metav1.FieldsV1{a, b} {
		if fields == nil {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(bytes.NewReader(fields.GetRawBytes())); err != nil {
			return nil, err
		}
		union = union.Union(set)
	}
	text, err := union.ToJSON()
	if err != nil {
		return nil, err
	}
	return metav1.NewFieldsV1(string(text)), nil
}
