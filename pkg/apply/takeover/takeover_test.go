package takeover

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

func entry(manager, operation, version, fields string, at int64) metav1.ManagedFieldsEntry {
	when := metav1.NewTime(time.Unix(at, 0))
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationType(operation), APIVersion: version, Time: &when,
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}
}

func TestPatch(t *testing.T) {
	const us = testowner.Manager
	owner := testowner.New(t)
	ours, theirs := entry(us, "Apply", "a/v1", `{"f:x":{}}`, 1), entry("somebody", "Update", "a/v1", `{"f:y":{}}`, 1)
	old := entry("somebody", "Update", "a/v1beta1", `{"f:y":{}}`, 1)
	kubectl := entry("kubectl-edit", "Update", "a/v1beta1", `{"f:z":{}}`, 1)
	merged := entry(us, "Apply", "a/v1", `{"f:x":{},"f:z":{}}`, 1)
	cases := map[string]struct {
		why     string
		version string
		keep    bool
		entries []metav1.ManagedFieldsEntry
		want    []metav1.ManagedFieldsEntry
	}{
		"InOrder":   {"nothing is due", "a/v1", false, []metav1.ManagedFieldsEntry{ours, theirs}, nil},
		"NotAsked":  {"versions are left alone without the gate", "", false, []metav1.ManagedFieldsEntry{ours, old}, nil},
		"Migrated":  {"every entry speaks of the applied version", "a/v1", false, []metav1.ManagedFieldsEntry{ours, old}, []metav1.ManagedFieldsEntry{ours, theirs}},
		"Both":      {"one patch for both", "a/v1", false, []metav1.ManagedFieldsEntry{ours, kubectl, old}, []metav1.ManagedFieldsEntry{merged, theirs}},
		"Kept":      {"a policy keeps what kubectl set, and versions are migrated still", "a/v1", true, []metav1.ManagedFieldsEntry{ours, old}, []metav1.ManagedFieldsEntry{ours, theirs}},
		"Duplicate": {"entries that become alike become one", "a/v1", false, []metav1.ManagedFieldsEntry{theirs, entry("somebody", "Update", "a/v1beta1", `{"f:q":{}}`, 5)}, []metav1.ManagedFieldsEntry{entry("somebody", "Update", "a/v1", `{"f:q":{},"f:y":{}}`, 5)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			obj := &unstructured.Unstructured{Object: map[string]any{}}
			obj.SetResourceVersion("7")
			obj.SetManagedFields(c.entries)
			plan := Plan{Owner: owner, Take: !c.keep, Version: c.version}
			operations, err := plan.Patch(obj)
			if err != nil {
				t.Fatal(err)
			}
			if plan.Due(obj) != (c.want != nil) {
				t.Errorf("%s: due is %t", c.why, plan.Due(obj))
			}
			if c.want == nil {
				if len(operations) > 0 {
					t.Errorf("%s: got %v", c.why, operations)
				}
				return
			}
			want := []Operation{{Op: "replace", Path: "/metadata/managedFields", Value: c.want}, {Op: "replace", Path: "/metadata/resourceVersion", Value: "7"}}
			if diff := cmp.Diff(want, operations, cmp.Comparer(func(a, b *metav1.FieldsV1) bool { return string(a.GetRawBytes()) == string(b.GetRawBytes()) })); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
		})
	}
}
