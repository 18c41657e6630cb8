package ownership_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

// applied builds the metadata of an object that we applied.
func applied(change ...func(*metav1.PartialObjectMetadata)) *metav1.PartialObjectMetadata {
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		UID: "u", ResourceVersion: "7", Generation: 3,
		Labels: map[string]string{testowner.NameLabel: "apps", testowner.NamespaceLabel: "shop"},
		ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: testowner.Manager, Operation: "Apply", APIVersion: "v1", Time: &at, FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{},"f:b":{}}}`),
		}},
	}}
	for _, c := range change {
		c(obj)
	}
	return obj
}

func entryWith(change func(*metav1.ManagedFieldsEntry)) func(*metav1.PartialObjectMetadata) {
	return func(o *metav1.PartialObjectMetadata) { change(&o.ManagedFields[0]) }
}

func another(manager string, op metav1.ManagedFieldsOperationType, sub string) func(*metav1.PartialObjectMetadata) {
	return func(o *metav1.PartialObjectMetadata) {
		o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{
			Manager: manager, Operation: op, Subresource: sub, APIVersion: "v1", FieldsV1: metav1.NewFieldsV1(`{"f:x":{}}`)})
	}
}

func TestFingerprint(t *testing.T) {
	us := testowner.New(t)
	base := us.Fingerprint(applied())
	type object = metav1.PartialObjectMetadata
	cases := map[string]struct {
		why          string
		change       func(*object)
		strong, weak bool
	}{
		"Reordered": {"the order of keys is the writer's", entryWith(func(e *metav1.ManagedFieldsEntry) { e.FieldsV1 = metav1.NewFieldsV1(`{"f:data":{"f:b":{},"f:a":{}}}`) }), false, false},
		"Fields":    {"a field is not ours any more", entryWith(func(e *metav1.ManagedFieldsEntry) { e.FieldsV1 = metav1.NewFieldsV1(`{"f:data":{"f:a":{}}}`) }), true, false},
		"Time":      {"somebody applied in our name", entryWith(func(e *metav1.ManagedFieldsEntry) { later := metav1.NewTime(e.Time.Add(time.Second)); e.Time = &later }), true, false},
		"Zone": {"one moment has many spellings", entryWith(func(e *metav1.ManagedFieldsEntry) {
			moved := metav1.NewTime(e.Time.In(time.FixedZone("x", 3600)))
			e.Time = &moved
		}), false, false},
		"Version":       {"the fields are those of another version", entryWith(func(e *metav1.ManagedFieldsEntry) { e.APIVersion = "v2" }), true, false},
		"Missing":       {"our entry is gone", func(o *object) { o.ManagedFields = nil }, true, false},
		"OurStatus":     {"a status is not what we applied", another(testowner.Manager, "Apply", "status"), false, false},
		"OurUpdate":     {"an update entry alone took nothing from us", another(testowner.Manager, "Update", ""), false, false},
		"Others":        {"others may have fields of their own", another("hpa", "Update", ""), false, false},
		"UID":           {"it is another object", func(o *object) { o.UID = "v" }, true, false},
		"Owner":         {"it names another owner", func(o *object) { o.Labels[testowner.NameLabel] = "else" }, true, false},
		"OwnerSplit":    {"moving a letter between the labels is a change", func(o *object) { o.Labels[testowner.NameLabel], o.Labels[testowner.NamespaceLabel] = "papps", "sho" }, true, false},
		"Deletion":      {"it is on its way out", func(o *object) { now := metav1.Now(); o.DeletionTimestamp = &now }, true, false},
		"Label":         {"other labels are not ours", func(o *object) { o.Labels["x"] = "y" }, false, false},
		"Generation":    {"something in the specification changed", func(o *object) { o.Generation++ }, false, true},
		"Version7":      {"with generations, the version says nothing", func(o *object) { o.ResourceVersion = "8" }, false, false},
		"NoGeneration":  {"without, it is all there is", func(o *object) { o.Generation = 0 }, false, true},
		"BrokenManager": {"what cannot be read stands for itself", entryWith(func(e *metav1.ManagedFieldsEntry) { e.FieldsV1 = metav1.NewFieldsV1(`{`) }), true, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := us.Fingerprint(applied(c.change))
			if (got.Strong != base.Strong) != c.strong || (got.Weak != base.Weak) != c.weak {
				t.Errorf("%s: got %+v from %+v, want strong changed %t, weak changed %t", c.why, got, base, c.strong, c.weak)
			}
		})
	}
}

func TestTakeoverDue(t *testing.T) {
	us := testowner.New(t, "helm-edit")
	annotate := func(key string) func(*metav1.PartialObjectMetadata) {
		return func(o *metav1.PartialObjectMetadata) { o.Annotations = map[string]string{key: "x"} }
	}
	cases := map[string]struct {
		why    string
		change func(*metav1.PartialObjectMetadata)
		want   bool
	}{
		"Nothing":         {"only our entry is there", func(*metav1.PartialObjectMetadata) {}, false},
		"KubectlUpdate":   {"both operations of kubectl count", another("kubectl-edit", "Update", ""), true},
		"KubectlApply":    {"both operations of kubectl count", another("kubectl", "Apply", ""), true},
		"KubectlScale":    {"a subresource never counts", another("kubectl", "Update", "scale"), false},
		"SurvivesByName":  {"the prefix rule lets this manager live", another("flux-client-side-apply", "Apply", ""), false},
		"BeforeFirst":     {"only its updates count", another("before-first-apply", "Update", ""), true},
		"BeforeApply":     {"only its updates count", another("before-first-apply", "Apply", ""), false},
		"OurUpdate":       {"updates in our name become applies", another(testowner.Manager, "Update", ""), true},
		"Override":        {"an administrator named it", another("helm-edit", "Apply", ""), true},
		"LastApplied":     {"kubectl apply left it", annotate("kubectl.kubernetes.io/last-applied-configuration"), true},
		"Checksum":        {"an earlier version of the owner left it", annotate(testowner.Prefix + "checksum"), true},
		"OthersChecksum":  {"another owner left it", annotate("other.example.org/checksum"), false},
		"OtherAnnotation": {"it is nobody's leftover", annotate("example.org/x"), false},
		"AskedFor": {"the source has the annotation", func(o *metav1.PartialObjectMetadata) {
			annotate("kubectl.kubernetes.io/last-applied-configuration")(o)
			o.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:kubectl.kubernetes.io/last-applied-configuration":{}}}}`)
		}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := us.TakeoverDue(applied(c.change)); got != c.want {
				t.Errorf("%s: got %t", c.why, got)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	obj := applied(func(o *metav1.PartialObjectMetadata) {
		o.Labels[testowner.Prefix+"prune"] = "Disabled"
		o.Annotations = map[string]string{
			testowner.Prefix + "prune": "enabled", testowner.Prefix + "ssa": "IfNotPresent",
		}
	})
	got := testowner.New(t).Policy(obj)
	if want := (ownership.Policy{Prune: "disabled", SSA: "ifnotpresent"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.Excluded() || !got.Kept() {
		t.Errorf("got excluded %t, kept %t", got.Excluded(), got.Kept())
	}
}

func TestDeletionOf(t *testing.T) {
	for name, tc := range map[string]struct {
		why                 string
		annotations, labels map[string]string
		want                string
	}{
		"None":     {"most objects say nothing", nil, map[string]string{"app": "x"}, ""},
		"Allowed":  {"policies are compared without regard to case", map[string]string{meta.AnnotationDeletion: "Allowed"}, nil, ownership.PolicyAllowed},
		"Label":    {"a label does as well", nil, map[string]string{meta.AnnotationDeletion: "allowed"}, ownership.PolicyAllowed},
		"Protect":  {"the other value", map[string]string{meta.AnnotationDeletion: "PROTECTED"}, nil, ownership.PolicyProtected},
		"Disagree": {"protection wins", map[string]string{meta.AnnotationDeletion: "allowed"}, map[string]string{meta.AnnotationDeletion: "protected"}, ownership.PolicyProtected},
		"Turned":   {"whichever says it", map[string]string{meta.AnnotationDeletion: "protected"}, map[string]string{meta.AnnotationDeletion: "allowed"}, ownership.PolicyProtected},
		"Typo":     {"who writes anything means something, and holding loses nothing", map[string]string{meta.AnnotationDeletion: "allow"}, nil, ownership.PolicyProtected},
		"Empty":    {"the same", map[string]string{meta.AnnotationDeletion: ""}, nil, ownership.PolicyProtected},
	} {
		obj := &metav1.ObjectMeta{Annotations: tc.annotations, Labels: tc.labels}
		if got := testowner.New(t).Policy(obj).Deletion; got != tc.want {
			t.Errorf("%s: %s: got %q, want %q", name, tc.why, got, tc.want)
		}
	}
}
