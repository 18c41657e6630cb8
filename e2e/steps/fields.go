package steps

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// applier is the field manager of everything that a Kustomization applies.
const applier = "kustomize-controller"

// AppliedAt returns when a Kustomization last applied a change of an object.
func AppliedAt(obj client.Object) time.Time {
	for _, entry := range obj.GetManagedFields() {
		if entry.Manager == applier && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Time != nil {
			return entry.Time.Time
		}
	}
	return time.Time{}
}

// IsOurs reports whether a field of an object, named step by step, belongs to what a Kustomization applied.
func IsOurs(obj client.Object, field ...any) bool {
	path := fieldpath.MakePathOrDie(field...)
	for _, entry := range obj.GetManagedFields() {
		if entry.Manager != applier || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err == nil && set.Has(path) {
			return true
		}
	}
	return false
}
