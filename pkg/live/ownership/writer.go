package ownership

import (
	"bytes"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

const (
	// maxFields is how many fields of a writer are named, maxFieldName how long the
	// name of one may be.
	maxFields    = 5
	maxFieldName = 120
	ellipsis     = "…"
)

// Writer is who wrote to an object besides us.
type Writer struct {
	// Manager is the name of the field manager, Operation is Apply or Update.
	Manager, Operation string
	// Time is when the manager last changed which fields it has.
	Time time.Time
	// Fields are the first names of the fields it has, sorted, and an ellipsis if
	// there are more. They hold no keys of lists and no members of sets, because
	// those are values.
	Fields []string
}

// String names the writer and the fields.
func (w Writer) String() string {
	if w.Manager == "" || len(w.Fields) == 0 {
		return w.Manager
	}
	return w.Manager + " (" + strings.Join(w.Fields, ", ") + ")"
}

// Writer names who wrote to an object last besides us: the newest entry that is
// neither a status nor what we applied. The zero Writer stands for nobody.
func (o *Owner) Writer(entries []metav1.ManagedFieldsEntry) Writer {
	var last *metav1.ManagedFieldsEntry
	for i := range entries {
		e := &entries[i]
		if e.Subresource == "status" || o.Owns(e) {
			continue
		}
		if last == nil || !when(e).Before(when(last)) {
			last = e
		}
	}
	if last == nil {
		return Writer{}
	}
	return Writer{Manager: last.Manager, Operation: string(last.Operation), Time: when(last), Fields: fieldNames(fieldsOf(last))}
}

// when is the time of an entry; one that has none is the oldest.
func when(e *metav1.ManagedFieldsEntry) time.Time {
	if e.Time == nil {
		return time.Time{}
	}
	return e.Time.Time
}

// fieldsOf reads the field set of an entry; what cannot be read names nothing.
func fieldsOf(e *metav1.ManagedFieldsEntry) *fieldpath.Set {
	set := &fieldpath.Set{}
	if e.FieldsV1 == nil {
		return set
	}
	if err := set.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())); err != nil {
		return &fieldpath.Set{}
	}
	return set
}

// fieldNames lists the fields of a set without the keys of lists and the members
// of sets on the way to them.
func fieldNames(set *fieldpath.Set) []string {
	found := map[string]struct{}{}
	set.Leaves().Iterate(func(path fieldpath.Path) {
		var name strings.Builder
		for _, element := range path {
			if element.FieldName != nil {
				name.WriteString("." + *element.FieldName)
			}
		}
		if name.Len() > 0 {
			found[name.String()] = struct{}{}
		}
	})
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, shorten(name))
	}
	slices.Sort(names)
	if len(names) > maxFields {
		return append(slices.Clone(names[:maxFields]), ellipsis)
	}
	return names
}

// shorten bounds a name: those of fields without a schema are anybody's choice.
func shorten(name string) string {
	if len(name) <= maxFieldName {
		return name
	}
	return strings.ToValidUTF8(name[:maxFieldName], "") + ellipsis
}
