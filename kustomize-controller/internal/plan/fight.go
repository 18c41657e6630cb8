package plan

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

const (
	// firstPause is the pause after the first correction of an object; it doubles
	// with each further one, up to the interval.
	firstPause = time.Second
	// told is the number of corrections from which on a fight is told.
	told = 3
	// maxFields is how many fields of a rival are named.
	maxFields = 5
)

// Fight is a run of corrections of one object: somebody changes what we apply
// again and again. The first correction is made at once, the next ones ever
// later, but never later than at the interval.
type Fight struct {
	// Count is the number of corrections, Last the time of the last one.
	Count int
	Last  time.Time
	// Rival is who changes the object, and which fields.
	Rival string
}

// Until returns when the object may be corrected again.
func (f Fight) Until(interval time.Duration) time.Time {
	if f.Count == 0 {
		return time.Time{}
	}
	pause := interval
	if doublings := f.Count - 1; doublings < 30 {
		pause = min(pause, firstPause<<doublings)
	}
	return f.Last.Add(pause)
}

// Corrected returns the fight after a correction. An interval of peace ends it.
func (f Fight) Corrected(now time.Time, interval time.Duration) Fight {
	if f.Over(now, interval) {
		f = Fight{}
	}
	f.Count++
	f.Last = now
	return f
}

// Over reports that an interval has passed without a correction.
func (f Fight) Over(now time.Time, interval time.Duration) bool {
	return now.Sub(f.Last) > interval
}

// Told reports that the fight is worth telling.
func (f Fight) Told() bool { return f.Count >= told }

// Rival names who wrote to an object last besides us, and the fields it owns.
// Only names of fields are told: keys of lists and members of sets hold values.
func Rival(entries []metav1.ManagedFieldsEntry, own string) string {
	var last *metav1.ManagedFieldsEntry
	for i := range entries {
		e := &entries[i]
		if e.Manager == own || e.Subresource != "" {
			continue
		}
		if last == nil || last.Time.Before(e.Time) {
			last = e
		}
	}
	if last == nil {
		return ""
	}
	fields := fieldNames(last.FieldsV1)
	if len(fields) == 0 {
		return last.Manager
	}
	return last.Manager + " (" + strings.Join(fields, ", ") + ")"
}

func fieldNames(raw *metav1.FieldsV1) []string {
	if raw == nil {
		return nil
	}
	set := &fieldpath.Set{}
	if err := set.FromJSON(strings.NewReader(string(raw.GetRawBytes()))); err != nil {
		return nil
	}
	var names []string
	set.Iterate(func(path fieldpath.Path) {
		var name strings.Builder
		for _, element := range path {
			if element.FieldName != nil {
				name.WriteString("." + *element.FieldName)
			}
		}
		if !slices.Contains(names, name.String()) {
			names = append(names, name.String())
		}
	})
	slices.Sort(names)
	if len(names) > maxFields {
		names = append(names[:maxFields], "…")
	}
	return names
}
