package health

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

type fields = map[string]any

// object builds an object from its top-level fields.
func object(apiVersion, kind string, content ...fields) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{
		"apiVersion": apiVersion, "kind": kind,
		"metadata": fields{"name": "it", "namespace": "shop", "generation": int64(2)},
	}}
	for _, c := range content {
		for key, value := range c {
			obj.Object[key] = value
		}
	}
	return obj
}

func conditionOf(kind, status, message string) fields {
	return fields{"status": fields{"conditions": []any{fields{"type": kind, "status": status, "message": message}}}}
}

func TestOf(t *testing.T) {
	deleted := object("batch/v1", "Job", conditionOf("Complete", "True", ""))
	if err := unstructured.SetNestedField(deleted.Object, "2026-01-02T03:04:05Z", "metadata", "deletionTimestamp"); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		want Status
	}{
		"Absent":         {"nobody has seen it", nil, NotFound},
		"ConfigMap":      {"an object without status is what it says", object("v1", "ConfigMap"), Current},
		"JobStarted":     {"a started Job is not a finished one", object("batch/v1", "Job", fields{"status": fields{"startTime": "2026-01-02T03:04:05Z", "active": int64(1)}}), InProgress},
		"JobComplete":    {"its result is in", object("batch/v1", "Job", conditionOf("Complete", "True", "")), Current},
		"JobFailed":      {"its result is in", object("batch/v1", "Job", conditionOf("Failed", "True", "BackoffLimitExceeded")), Failed},
		"JobFailedFalse": {"the condition says it has not failed", object("batch/v1", "Job", conditionOf("Failed", "False", "")), InProgress},
		"JobSuspended":   {"it is where its author wants it", object("batch/v1", "Job", fields{"spec": fields{"suspend": true}}), Current},
		"Deleted":        {"a deletion mark wins over any status", deleted, Terminating},
		"ReadyTrue":      {"the general rule reads Ready", object("example.org/v1", "Thing", conditionOf("Ready", "True", "")), Current},
		"ReadyFalse":     {"not ready is on its way, not failed", object("example.org/v1", "Thing", conditionOf("Ready", "False", "")), InProgress},
		"Stalled":        {"the general rule reads Stalled", object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", conditionOf("Stalled", "True", "")), Failed},
		"NotObserved":    {"the status is of an earlier generation", object("source.toolkit.fluxcd.io/v1", "HelmRepository", fields{"status": fields{"observedGeneration": int64(-1)}}), InProgress},
		"StaticHelmRepo": {"nothing reconciles a repository of type oci", object("source.toolkit.fluxcd.io/v1", "HelmRepository", fields{"spec": fields{"type": "oci"}}, fields{"status": fields{"observedGeneration": int64(-1)}}), Current},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Of(c.obj); got.Status != c.want {
				t.Errorf("%s: got %+v, want %s", c.why, got, c.want)
			}
		})
	}
}

// TestStatic keeps a kind that its caller names from being awaited for what an older
// version wrote into its status.
func TestStatic(t *testing.T) {
	old := fields{"status": fields{"observedGeneration": int64(-1)}}
	alert := schema.GroupKind{Group: "example.org", Kind: "Alert"}
	rules, err := NewCompiler(10, alert).Compile([]Rule{{APIVersion: "example.org/v1", Kind: "Thing", Current: "true"}})
	if err != nil {
		t.Fatal(err)
	}
	deleted := object("example.org/v1", "Alert", old)
	deleted.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)})
	for name, c := range map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		want Status
	}{
		"Static":  {"nothing reconciles it", object("example.org/v1", "Alert", old), Current},
		"Other":   {"other kinds are judged by their status", object("example.org/v1", "Other", old), InProgress},
		"Deleted": {"a deletion mark wins", deleted, Terminating},
		"Absent":  {"it has to be there", nil, NotFound},
	} {
		if got := rules.Of(t.Context(), c.obj); got.Status != c.want {
			t.Errorf("%s: %s: got %+v", name, c.why, got)
		}
	}
}

func TestMissing(t *testing.T) {
	cases := map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		want Status
	}{
		"Job":        {"a Job without a time to live should be there", object("batch/v1", "Job"), NotFound},
		"JobWithTTL": {"its absence says that it has finished", object("batch/v1", "Job", fields{"spec": fields{"ttlSecondsAfterFinished": int64(0)}}), Current},
		"Other":      {"the field means nothing elsewhere", object("v1", "Pod", fields{"spec": fields{"ttlSecondsAfterFinished": int64(0)}}), NotFound},
		"Nothing":    {"no desired object is known", nil, NotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Missing(c.obj); got.Status != c.want {
				t.Errorf("%s: got %+v, want %s", c.why, got, c.want)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	two := []Subject{{"Deployment/shop/web", InProgress}, {"ClusterRole/admin", NotFound}}
	if diff := cmp.Diff("timeout waiting for: [ClusterRole/admin status: 'NotFound', Deployment/shop/web status: 'InProgress']", Timeout(two)); diff != "" {
		t.Error(diff)
	}
	many := make([]Subject, 17)
	for i := range many {
		many[i] = Subject{"Job/a/" + string(rune('a'+i)), Failed}
	}
	got := FailedEarly(many)
	if want := "failed early due to stalled resources: [Job/a/a status: 'Failed', "; got[:len(want)] != want {
		t.Errorf("got %s", got)
	}
	if want := "Job/a/j status: 'Failed' and 7 more]"; got[len(got)-len(want):] != want {
		t.Errorf("got %s", got)
	}
}

func TestRules(t *testing.T) {
	rules, err := NewCompiler(10).Compile([]Rule{
		{APIVersion: "example.org/v1", Kind: "Thing", InProgress: "status.phase == 'busy'", Failed: "status.phase in ['busy', 'broken']", Current: "status.phase == 'done'"},
		{APIVersion: "example.org/v1", Current: "has(data.ok)"},
	})
	if err != nil {
		t.Fatal(err)
	}
	phase := func(text string, more ...any) *unstructured.Unstructured {
		status := fields{"phase": text}
		for i := 0; i < len(more); i += 2 {
			status[more[i].(string)] = more[i+1]
		}
		return object("example.org/v1", "Thing", fields{"status": status})
	}
	cases := map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		want Status
	}{
		"Order":      {"inProgress is asked before failed", phase("busy"), InProgress},
		"Failed":     {"failed is asked before current", phase("broken"), Failed},
		"Current":    {"the last to be asked", phase("done"), Current},
		"None":       {"no expression holds", phase("odd"), InProgress},
		"Behind":     {"an old observation says nothing", phase("done", "observedGeneration", int64(1)), InProgress},
		"TextMark":   {"an observedGeneration that is text is passed over", phase("done", "observedGeneration", "1"), Current},
		"Group":      {"a rule without a kind holds for the group", object("example.org/v1", "Other", fields{"data": fields{"ok": "1"}}), Current},
		"OtherGroup": {"no rule: the general ones", object("v1", "ConfigMap"), Current},
		"Broken":     {"an expression that cannot be evaluated gives no assessment", object("example.org/v1", "Thing"), Unknown},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := rules.Of(t.Context(), c.obj); got.Status != c.want {
				t.Errorf("%s: got %+v, want %s", c.why, got, c.want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	cases := map[string]struct {
		why   string
		rules []Rule
	}{
		"Duplicate":  {"two rules of one kind contradict each other", []Rule{{APIVersion: "a.b/v1", Kind: "C", Current: "true"}, {APIVersion: "a.b/v2", Kind: "C", Current: "true"}}},
		"NoCurrent":  {"nothing could ever be healthy", []Rule{{APIVersion: "a.b/v1", Kind: "C", Failed: "true"}}},
		"Syntax":     {"it is not CEL", []Rule{{APIVersion: "a.b/v1", Kind: "C", Current: "status.("}}},
		"APIVersion": {"it names no group", []Rule{{APIVersion: "a/b/c", Kind: "C", Current: "true"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := NewCompiler(10).Compile(c.rules); err == nil {
				t.Errorf("%s: it was accepted", c.why)
			}
		})
	}
}
