package health

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// set changes a field of an object.
func set(t *testing.T, obj *unstructured.Unstructured, value any, path ...string) *unstructured.Unstructured {
	t.Helper()
	if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
		t.Fatal(err)
	}
	return obj
}

// statefulSet is one of three replicas with the status of a moment of a roll.
func statefulSet(status fields) *unstructured.Unstructured {
	whole := fields{"observedGeneration": int64(2), "currentRevision": "web-a", "updateRevision": "web-b"}
	for key, value := range status {
		whole[key] = value
	}
	return object("apps/v1", "StatefulSet",
		fields{"spec": fields{"replicas": int64(3), "updateStrategy": fields{"type": "RollingUpdate"}}},
		fields{"status": whole})
}

// TestAssessmentsThatDecideHowLongAWaitLasts guards against waits that never end or
// end too early: none of these may be taken for an object that is well, and none
// for failed, because a failure ends the wait.
func TestAssessmentsThatDecideHowLongAWaitLasts(t *testing.T) {
	ttl := fields{"spec": fields{"ttlSecondsAfterFinished": int64(30)}}
	rolled := fields{"currentRevision": "web-b"}
	counts := func(replicas, ready, current, updated int64, more ...fields) fields {
		out := fields{"replicas": replicas, "readyReplicas": ready, "currentReplicas": current, "updatedReplicas": updated, "availableReplicas": ready}
		for _, m := range more {
			for key, value := range m {
				out[key] = value
			}
		}
		return out
	}
	cases := map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		want Status
	}{
		"JobWithTTLRunning":   {"a time to live starts when the Job has finished", object("batch/v1", "Job", ttl, fields{"status": fields{"active": int64(1)}}), InProgress},
		"JobWithTTLComplete":  {"it may be seen before it is removed", object("batch/v1", "Job", ttl, conditionOf("Complete", "True", "")), Current},
		"JobWithTTLFailed":    {"a failure is one, however soon it is removed", object("batch/v1", "Job", ttl, conditionOf("Failed", "True", "DeadlineExceeded")), Failed},
		"RollStarts":          {"no replica is of the new revision", statefulSet(counts(3, 3, 3, 0)), InProgress},
		"RollHalfway":         {"two are", statefulSet(counts(3, 2, 1, 2)), InProgress},
		"RollNotObserved":     {"the controller has not seen the change", set(t, statefulSet(counts(3, 3, 3, 3, rolled)), int64(1), "status", "observedGeneration"), InProgress},
		"RollLastNotReady":    {"the last replica comes up", statefulSet(counts(3, 2, 3, 3, rolled)), InProgress},
		"RollDone":            {"all are of the new revision and ready", statefulSet(counts(3, 3, 3, 3, rolled)), Current},
		"StatefulSetFresh":    {"nothing is known yet", object("apps/v1", "StatefulSet", fields{"spec": fields{"replicas": int64(1)}}), InProgress},
		"CustomWithoutStatus": {"a kind without status has nothing to wait for", object("example.org/v1", "Thing", fields{"spec": fields{"size": int64(3)}}), Current},
		"CustomEmptyStatus":   {"nor one that says nothing", object("example.org/v1", "Thing", fields{"status": fields{}}), Current},
		"NeverReady":          {"it stays on its way, and the timeout ends the wait", object("example.org/v1", "Thing", conditionOf("Ready", "False", "waiting for a database")), InProgress},
		"ReadyUnknown":        {"so does one that does not know", object("example.org/v1", "Thing", conditionOf("Ready", "Unknown", "")), InProgress},
		"StatusIsText":        {"a status of another form is not a verdict", object("example.org/v1", "Thing", fields{"status": "fine"}), Unknown},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Of(c.obj); got.Status != c.want {
				t.Errorf("%s: got %+v, want %s", c.why, got, c.want)
			}
		})
	}
}

// TestRulesThatCannotAnswer guards against CEL rules that break or run long: such
// an expression gives no verdict, so that the wait goes on until its timeout and
// says why; and no value of the object is shown.
func TestRulesThatCannotAnswer(t *testing.T) {
	ten := "[" + strings.TrimSuffix(strings.Repeat("0,", 400), ",") + "]"
	slow := ten + ".all(a, " + ten + ".all(b, " + ten + ".all(c, a + b + c == 0)))"
	cases := map[string]struct{ why, current, message string }{
		"WithoutStatus": {"the object has none yet", "status.phase == 'done'", "no such attribute(s): status.phase"},
		"NotBool":       {"it answers with text", "data.password", "the result is of type string, not bool"},
		"Conversion":    {"it converts what is no number", "int(data.password) > 0", "a value in it is not of the form that a function needs"},
		"Slow":          {"sixty-four million steps", slow, "it costs more than an expression may"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rules, err := NewCompiler(10).Compile([]Rule{{APIVersion: "example.org/v1", Kind: "Thing", Current: c.current}})
			if err != nil {
				t.Fatal(err)
			}
			got := rules.Of(t.Context(), object("example.org/v1", "Thing", fields{"data": fields{"password": "hunter2"}}))
			want := Assessment{Status: Unknown, Message: "The health check expression cannot be evaluated: " + c.message}
			if got != want {
				t.Errorf("%s: got %+v, want %+v", c.why, got, want)
			}
		})
	}
}

func TestRulesLeaveDeletionAndAbsenceAlone(t *testing.T) {
	rules, err := NewCompiler(10).Compile([]Rule{{APIVersion: "example.org/v1", Current: "true"}})
	if err != nil {
		t.Fatal(err)
	}
	deleted := set(t, object("example.org/v1", "Thing"), "2026-01-02T03:04:05Z", "metadata", "deletionTimestamp")
	if got := rules.Of(t.Context(), deleted); got.Status != Terminating {
		t.Errorf("an object that is being deleted is %s", got.Status)
	}
	if got := rules.Of(t.Context(), nil); got.Status != NotFound {
		t.Errorf("an object that is not there is %s", got.Status)
	}
}

func TestARuleOfAKindIsStrongerThanThatOfItsGroup(t *testing.T) {
	rules, err := NewCompiler(10).Compile([]Rule{
		{APIVersion: "example.org/v1", Current: "true"},
		{APIVersion: "example.org/v1", Kind: "Thing", Failed: "true", Current: "false"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := rules.Of(t.Context(), object("example.org/v2", "Thing")); got.Status != Failed {
		t.Errorf("the kind's own rule was not asked: %+v", got)
	}
	if got := rules.Of(t.Context(), object("example.org/v1", "Other")); got.Status != Current {
		t.Errorf("the group's rule was not asked: %+v", got)
	}
}

func TestCompilerRefusesWhatCompileRefuses(t *testing.T) {
	twice := []Rule{{APIVersion: "a.b/v1", Current: "true"}, {APIVersion: "a.b/v2", Current: "true"}}
	broken := []Rule{{APIVersion: "a.b/v1", Kind: "C", Current: "true", Failed: "status.("}}
	compiler := NewCompiler(4)
	for range 2 {
		if _, err := compiler.Compile(twice); err == nil || !strings.Contains(err.Error(), "group a.b has more than one") {
			t.Errorf("two rules of one group: %v", err)
		}
		if _, err := compiler.Compile(broken); err == nil || !strings.Contains(err.Error(), "failed: line 1, column ") {
			t.Errorf("an expression that is not CEL: %v", err)
		}
	}
	good, err := compiler.Compile(twice[:1])
	if err != nil {
		t.Fatal(err)
	}
	if got := good.Of(t.Context(), object("a.b/v1", "C")); got.Status != Current {
		t.Errorf("got %+v", got)
	}
}
