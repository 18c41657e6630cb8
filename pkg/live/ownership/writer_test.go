package ownership_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

// wrote builds an entry in managedFields.
func wrote(manager, operation, sub string, at int64, fields string) metav1.ManagedFieldsEntry {
	e := metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationType(operation), Subresource: sub, FieldsV1: metav1.NewFieldsV1(fields),
	}
	if at != 0 {
		when := metav1.Unix(at, 0)
		e.Time = &when
	}
	return e
}

// TestWriter says, besides whom it names, that keys of lists and members of
// sets, which hold values, are never named.
func TestWriter(t *testing.T) {
	const replicas = `{"f:spec":{"f:replicas":{}}}`
	fields := `{"f:spec":{"f:replicas":{},"f:finalizers":{"v:\"canary\"":{}},"f:env":{"k:{\"name\":\"canary\"}":{".":{},"f:value":{}}}}}`
	many := `{"f:data":{"f:a":{},"f:b":{},"f:c":{},"f:d":{},"f:e":{},"f:f":{}}}`
	us := testowner.New(t)
	cases := map[string]struct {
		why     string
		entries []metav1.ManagedFieldsEntry
		want    string
	}{
		"Nobody":    {"only we wrote", []metav1.ManagedFieldsEntry{wrote(testowner.Manager, "Apply", "", 9, "{}")}, ""},
		"NoEntries": {"nothing is known", nil, ""},
		"OurName":   {"an update in our name is not what we applied", []metav1.ManagedFieldsEntry{wrote(testowner.Manager, "Update", "", 9, replicas)}, testowner.Manager + " (.spec.replicas)"},
		"Status":    {"a status is nobody's fight", []metav1.ManagedFieldsEntry{wrote("them", "Update", "status", 9, fields)}, ""},
		"Scale":     {"a scale takes a field of ours", []metav1.ManagedFieldsEntry{wrote("hpa", "Update", "scale", 9, replicas)}, "hpa (.spec.replicas)"},
		"Fields": {"names, not values", []metav1.ManagedFieldsEntry{wrote("them", "Update", "", 9, fields)},
			"them (.spec.env.value, .spec.finalizers, .spec.replicas)"},
		"Many":    {"five and no more", []metav1.ManagedFieldsEntry{wrote("them", "Update", "", 9, many)}, "them (.data.a, .data.b, .data.c, .data.d, .data.e, …)"},
		"Latest":  {"the last writer counts", []metav1.ManagedFieldsEntry{wrote("new", "Update", "", 2, "{}"), wrote("old", "Update", "", 1, replicas)}, "new"},
		"NoTime":  {"an entry without a time is old", []metav1.ManagedFieldsEntry{wrote("new", "Update", "", 2, "{}"), wrote("old", "Update", "", 0, "{}")}, "new"},
		"NotJSON": {"what cannot be read names nobody's fields", []metav1.ManagedFieldsEntry{wrote("them", "Update", "", 1, "{")}, "them"},
		"LongName": {"a name is bounded", []metav1.ManagedFieldsEntry{wrote("them", "Update", "", 1, `{"f:`+strings.Repeat("é", 100)+`":{}}`)},
			"them (." + strings.Repeat("é", 59) + "…)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := us.Writer(c.entries).String(); got != c.want {
				t.Errorf("%s: got %q, want %q", c.why, got, c.want)
			}
		})
	}
	got := us.Writer([]metav1.ManagedFieldsEntry{wrote("them", "Apply", "", 7, replicas)})
	want := ownership.Writer{Manager: "them", Operation: "Apply", Time: time.Unix(7, 0), Fields: []string{".spec.replicas"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
