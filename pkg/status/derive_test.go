package status_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

const (
	generation = 7
	observed   = 6
	foreign    = "example.com/Audited"
)

func now() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC) }

func earlier() metav1.Time { return metav1.NewTime(now().Add(-time.Hour).Truncate(time.Second)) }

// condition is one from before the pass.
func condition(conditionType string, s metav1.ConditionStatus, reason meta.Reason, message string, change ...func(*metav1.Condition)) metav1.Condition {
	c := metav1.Condition{
		Type: conditionType, Status: s, Reason: string(reason), Message: message,
		ObservedGeneration: generation, LastTransitionTime: earlier(),
	}
	for _, ch := range change {
		ch(&c)
	}
	return c
}

// fresh is a condition that the pass has set.
func fresh(c *metav1.Condition) { c.LastTransitionTime = metav1.NewTime(now().Truncate(time.Second)) }

func ofGeneration(g int64) func(*metav1.Condition) {
	return func(c *metav1.Condition) { c.ObservedGeneration = g }
}

func outcome(kind status.Kind, reason meta.Reason, message string) status.Summary {
	return status.Summary{Kind: kind, Reason: reason, Message: message}
}

// TestTable has a case for each row of the table in doc.go. Every case starts
// with all conditions set the other way, so that what the row says is absent has
// to go.
func TestTable(t *testing.T) {
	previous := []metav1.Condition{
		condition(meta.ConditionStalled, metav1.ConditionTrue, meta.ReasonInvalidPath, "old"),
		condition(meta.ConditionReconciling, metav1.ConditionTrue, meta.ReasonProgressing, "old"),
		condition(meta.ConditionReady, metav1.ConditionTrue, meta.ReasonSucceeded, "old"),
		condition(foreign, metav1.ConditionFalse, "Pending", "not ours"),
	}
	others := previous[3]
	cases := map[string]struct {
		why     string
		outcome status.Summary
		changed bool
		want    status.Result
	}{
		"DoneAndChanged": {
			why:     "success removes Reconciling and Stalled, and is reported because something changed",
			outcome: outcome(status.Done, meta.ReasonSucceeded, "applied"),
			changed: true,
			want: status.Result{
				ObservedGeneration: generation, Notice: status.Normal,
				Conditions: []metav1.Condition{
					condition(meta.ConditionReady, metav1.ConditionTrue, meta.ReasonSucceeded, "applied", fresh), others,
				},
			},
		},
		"DoneAndUnchanged": {
			why:     "a pass that changed nothing is not reported",
			outcome: outcome(status.Done, meta.ReasonSucceeded, "applied"),
			want: status.Result{
				ObservedGeneration: generation, Notice: status.Silent,
				Conditions: []metav1.Condition{
					condition(meta.ConditionReady, metav1.ConditionTrue, meta.ReasonSucceeded, "applied", fresh), others,
				},
			},
		},
		"Wait": {
			why:     "a missing dependency is reported as information, and the generation is not done",
			outcome: outcome(status.Wait, meta.ReasonDependencyNotReady, "waiting for a/b"),
			want: status.Result{
				ObservedGeneration: observed, Notice: status.Normal,
				Conditions: []metav1.Condition{
					condition(meta.ConditionReconciling, metav1.ConditionTrue, meta.ReasonProgressing, "waiting for a/b", fresh),
					condition(meta.ConditionReady, metav1.ConditionFalse, meta.ReasonDependencyNotReady, "waiting for a/b", fresh),
					others,
				},
			},
		},
		"InProgress": {
			why:     "work that goes on is Unknown and reported to nobody",
			outcome: outcome(status.InProgress, meta.ReasonProgressing, "waiting for health"),
			want: status.Result{
				ObservedGeneration: observed, Notice: status.Silent,
				Conditions: []metav1.Condition{
					condition(meta.ConditionReconciling, metav1.ConditionTrue, meta.ReasonProgressing, "waiting for health", fresh),
					condition(meta.ConditionReady, metav1.ConditionUnknown, meta.ReasonProgressing, "waiting for health", fresh),
					others,
				},
			},
		},
		"Retry": {
			why:     "a failure that may pass is a warning, and the generation is not done",
			outcome: outcome(status.Retry, meta.ReasonBuildFailed, "building: no such file"),
			want: status.Result{
				ObservedGeneration: observed, Notice: status.Warning,
				Conditions: []metav1.Condition{
					condition(meta.ConditionReconciling, metav1.ConditionTrue, meta.ReasonProgressingWithRetry, "building: no such file", fresh),
					condition(meta.ConditionReady, metav1.ConditionFalse, meta.ReasonBuildFailed, "building: no such file", fresh),
					others,
				},
			},
		},
		"Stalled": {
			why:     "a failure that only a change mends ends the generation, and nothing is reconciling",
			outcome: outcome(status.Stalled, meta.ReasonAccessDenied, "no access"),
			want: status.Result{
				ObservedGeneration: generation, Notice: status.Warning,
				Conditions: []metav1.Condition{
					condition(meta.ConditionStalled, metav1.ConditionTrue, meta.ReasonAccessDenied, "no access", fresh),
					condition(meta.ConditionReady, metav1.ConditionFalse, meta.ReasonAccessDenied, "no access", fresh),
					others,
				},
			},
		},
		"Superseded": {
			why:     "a newer revision makes the outcome unknown, silently",
			outcome: outcome(status.Superseded, meta.ReasonProgressing, "a newer revision arrived"),
			want: status.Result{
				ObservedGeneration: observed, Notice: status.Silent,
				Conditions: []metav1.Condition{
					condition(meta.ConditionReconciling, metav1.ConditionTrue, meta.ReasonProgressing, "a newer revision arrived", fresh),
					condition(meta.ConditionReady, metav1.ConditionUnknown, meta.ReasonProgressing, "a newer revision arrived", fresh),
					others,
				},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := status.Derive(status.Input{
				Previous: previous, ObservedGeneration: observed, Generation: generation,
				Outcome: tc.outcome, Changed: tc.changed, Now: now(),
			})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestNotice covers what is reported once and what is reported again: the Ready condition
// from before the pass is the memory of it.
func TestNotice(t *testing.T) {
	ready := func(s metav1.ConditionStatus, r meta.Reason, message string, change ...func(*metav1.Condition)) *metav1.Condition {
		c := condition(meta.ConditionReady, s, r, message, change...)
		return &c
	}
	waiting := outcome(status.Wait, meta.ReasonDependencyNotReady, "waiting")
	failing := outcome(status.Retry, meta.ReasonBuildFailed, "broken")
	stalling := outcome(status.Stalled, meta.ReasonInvalidPath, "no path")
	done := outcome(status.Done, meta.ReasonSucceeded, "applied")
	cases := map[string]struct {
		why       string
		before    *metav1.Condition
		outcome   status.Summary
		changed   bool
		want      status.Notice
		recovered bool
	}{
		"FirstSuccess":           {"a new object that had nothing to do has nothing to tell", nil, done, false, status.Silent, false},
		"FirstSuccessChanged":    {"a new object reports what it did", nil, done, true, status.Normal, false},
		"StillFine":              {"nothing changed", ready("True", meta.ReasonSucceeded, "applied"), done, false, status.Silent, false},
		"Recovered":              {"whoever heard of the failure hears of its end", ready("False", meta.ReasonBuildFailed, "broken"), done, false, status.Normal, true},
		"AfterProgress":          {"progress was not a failure", ready("Unknown", meta.ReasonProgressing, "working"), done, false, status.Silent, false},
		"FirstWait":              {"a wait is new once", nil, waiting, false, status.Normal, false},
		"SameWait":               {"the same wait is not", ready("False", meta.ReasonDependencyNotReady, "waiting"), waiting, false, status.Silent, false},
		"WaitForAnother":         {"another dependency is the same reason", ready("False", meta.ReasonDependencyNotReady, "waiting for b"), waiting, false, status.Silent, false},
		"WaitAfterFailure":       {"another reason is new", ready("False", meta.ReasonBuildFailed, "broken"), waiting, false, status.Normal, false},
		"FirstFailure":           {"a failure is new", ready("True", meta.ReasonSucceeded, "applied"), failing, false, status.Warning, false},
		"SameFailure":            {"the same failure again is not", ready("False", meta.ReasonBuildFailed, "broken"), failing, false, status.Silent, false},
		"OtherMessage":           {"another message is another failure", ready("False", meta.ReasonBuildFailed, "other"), failing, false, status.Warning, false},
		"OtherReason":            {"another reason is another failure", ready("False", meta.ReasonPruneFailed, "broken"), failing, false, status.Warning, false},
		"SameFailureWithChanges": {"partial success does not repeat the failure", ready("False", meta.ReasonBuildFailed, "broken"), failing, true, status.Silent, false},
		"FirstStall":             {"a stall is new", nil, stalling, false, status.Warning, false},
		"SameStall":              {"once per generation", ready("False", meta.ReasonInvalidPath, "no path"), stalling, false, status.Silent, false},
		"SameStallOtherText":     {"a stall is reported once per generation, whatever its words", ready("False", meta.ReasonInvalidPath, "other"), stalling, false, status.Silent, false},
		"StallOfNewGeneration":   {"the user changed the object and it is still wrong", ready("False", meta.ReasonInvalidPath, "no path", ofGeneration(observed)), stalling, false, status.Warning, false},
		"ProgressAfterFailure":   {"progress is never reported", ready("False", meta.ReasonBuildFailed, "broken"), outcome(status.InProgress, meta.ReasonProgressing, "x"), true, status.Silent, false},
		"SupersededAfterFailure": {"neither is a newer revision", ready("False", meta.ReasonBuildFailed, "broken"), outcome(status.Superseded, meta.ReasonProgressing, "x"), true, status.Silent, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := status.Input{Generation: generation, Outcome: tc.outcome, Changed: tc.changed, Now: now()}
			if tc.before != nil {
				in.Previous = []metav1.Condition{*tc.before}
			}
			got := status.Derive(in)
			if got.Notice != tc.want || got.Recovered != tc.recovered {
				t.Errorf("%s: got notice %v and recovered %v", tc.why, got.Notice, got.Recovered)
			}
		})
	}
}

// TestReportedSurvivesProgress says that a pass which reported its progress in between
// remembers what was reported before it.
func TestReportedSurvivesProgress(t *testing.T) {
	reported := condition(meta.ConditionReady, metav1.ConditionFalse, meta.ReasonBuildFailed, "broken")
	in := status.Input{
		Previous:   []metav1.Condition{condition(meta.ConditionReady, metav1.ConditionUnknown, meta.ReasonProgressing, "building")},
		Reported:   &reported,
		Generation: generation, Now: now(), Outcome: outcome(status.Retry, meta.ReasonBuildFailed, "broken"),
	}
	if got := status.Derive(in); got.Notice != status.Silent {
		t.Errorf("the same failure is reported again: %v", got.Notice)
	}
	in.Outcome = outcome(status.Done, meta.ReasonSucceeded, "applied")
	if got := status.Derive(in); got.Notice != status.Normal || !got.Recovered {
		t.Errorf("the recovery is not reported: %v", got.Notice)
	}
}

func TestTransitionTime(t *testing.T) {
	before := condition(meta.ConditionReady, metav1.ConditionTrue, meta.ReasonSucceeded, "applied", ofGeneration(observed))
	cases := map[string]struct {
		why     string
		outcome status.Summary
		moves   bool
	}{
		"Nothing": {"a pass that changed nothing leaves no trace", outcome(status.Done, meta.ReasonSucceeded, "applied"), false},
		"Message": {"the wire contract moves the time with the message", outcome(status.Done, meta.ReasonSucceeded, "applied b"), true},
		"Reason":  {"and with the reason", outcome(status.Done, meta.ReasonReconciliationSucceeded, "applied"), true},
		"Status":  {"and with the status", outcome(status.Retry, meta.ReasonSucceeded, "applied"), true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := status.Derive(status.Input{
				Previous: []metav1.Condition{before}, Generation: generation, Outcome: tc.outcome, Now: now(),
			})
			c := status.Find(got.Conditions, meta.ConditionReady)
			if moved := !c.LastTransitionTime.Equal(&before.LastTransitionTime); moved != tc.moves {
				t.Errorf("%s: moved is %v", tc.why, moved)
			}
			if c.ObservedGeneration != generation {
				t.Errorf("the condition is of generation %d", c.ObservedGeneration)
			}
			if c.LastTransitionTime.Nanosecond() != 0 {
				t.Error("the API keeps seconds; a finer time would differ from what it answers")
			}
		})
	}
}

func TestOwnConditions(t *testing.T) {
	healthy := condition(meta.ConditionHealthy, metav1.ConditionTrue, meta.ReasonSucceeded, "fine")
	drifted := condition(meta.ConditionDrifted, metav1.ConditionTrue, meta.ReasonProgressing, "drift")
	got := status.Derive(status.Input{
		Previous: []metav1.Condition{healthy, drifted}, Generation: generation, Now: now(),
		Outcome: outcome(status.Done, meta.ReasonSucceeded, "applied"),
		Own: append(status.Absent(meta.ConditionDrifted), status.Own{
			Type: meta.ConditionHealthy, Status: metav1.ConditionFalse, Reason: meta.ReasonHealthCheckFailed, Message: "ill",
		}),
	})
	want := []metav1.Condition{
		condition(meta.ConditionReady, metav1.ConditionTrue, meta.ReasonSucceeded, "applied", fresh),
		condition(meta.ConditionHealthy, metav1.ConditionFalse, meta.ReasonHealthCheckFailed, "ill", fresh),
	}
	if diff := cmp.Diff(want, got.Conditions); diff != "" {
		t.Errorf("one is set and one is removed (-want +got):\n%s", diff)
	}
}
