package status_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

func TestFind(t *testing.T) {
	conditions := []metav1.Condition{
		condition(meta.ConditionReady, metav1.ConditionUnknown, meta.ReasonProgressing, ""),
		condition(meta.ConditionHealthy, metav1.ConditionTrue, meta.ReasonSucceeded, ""),
	}
	if c := status.Find(conditions, meta.ConditionHealthy); c != &conditions[1] {
		t.Errorf("found %v", c)
	}
	if c := status.Find(conditions, meta.ConditionStalled); c != nil {
		t.Errorf("found %v", c)
	}
	got := []bool{
		status.IsTrue(conditions, meta.ConditionHealthy),
		status.IsTrue(conditions, meta.ConditionReady),
		status.IsTrue(conditions, meta.ConditionStalled),
		status.IsTrue(nil, meta.ConditionReady),
	}
	if diff := cmp.Diff([]bool{true, false, false, false}, got); diff != "" {
		t.Errorf("unknown and absent are not true (-want +got):\n%s", diff)
	}
}

func TestOrder(t *testing.T) {
	previous := []metav1.Condition{
		condition("B", metav1.ConditionTrue, "R", "", ofGeneration(3)),
		condition("A", metav1.ConditionTrue, "R", "", ofGeneration(3)),
		condition("Z", metav1.ConditionTrue, "R", "", ofGeneration(5)),
		condition(meta.ConditionHealthy, metav1.ConditionTrue, "R", "", ofGeneration(1)),
	}
	got := status.Derive(status.Input{
		Previous: previous, Generation: generation, Now: now(), Outcome: outcome(status.Retry, meta.ReasonBuildFailed, "x"),
	})
	want := []string{meta.ConditionReconciling, meta.ConditionReady, "Z", "A", "B", meta.ConditionHealthy}
	if diff := cmp.Diff(want, conditionTypes(got.Conditions)); diff != "" {
		t.Errorf("the contract's order, whatever came in (-want +got):\n%s", diff)
	}
	stalled := status.Derive(status.Input{
		Previous: previous, Generation: generation, Now: now(), Outcome: outcome(status.Stalled, meta.ReasonInvalidPath, "x"),
	})
	want = []string{meta.ConditionStalled, meta.ConditionReady, "Z", "A", "B", meta.ConditionHealthy}
	if diff := cmp.Diff(want, conditionTypes(stalled.Conditions)); diff != "" {
		t.Errorf("Stalled comes first (-want +got):\n%s", diff)
	}
}

func conditionTypes(conditions []metav1.Condition) []string {
	out := make([]string, 0, len(conditions))
	for _, c := range conditions {
		out = append(out, c.Type)
	}
	return out
}

func TestMerge(t *testing.T) {
	owned := func(conditionType string) bool {
		return conditionType == meta.ConditionReady || conditionType == meta.ConditionReconciling
	}
	cases := map[string]struct {
		why              string
		live, mine, want []metav1.Condition
	}{
		"OursWins": {
			why:  "we know better about what we own",
			live: []metav1.Condition{condition(meta.ConditionReady, metav1.ConditionFalse, "Old", "live")},
			mine: []metav1.Condition{condition(meta.ConditionReady, metav1.ConditionTrue, "New", "mine")},
			want: []metav1.Condition{condition(meta.ConditionReady, metav1.ConditionTrue, "New", "mine")},
		},
		"ForeignSurvives": {
			why: "a condition of somebody else that appeared in between stays, in its place",
			live: []metav1.Condition{
				condition(foreign, metav1.ConditionTrue, "Seen", "live"),
				condition(meta.ConditionReady, metav1.ConditionFalse, "Old", "live"),
			},
			mine: []metav1.Condition{condition(meta.ConditionReady, metav1.ConditionTrue, "New", "mine")},
			want: []metav1.Condition{
				condition(meta.ConditionReady, metav1.ConditionTrue, "New", "mine"),
				condition(foreign, metav1.ConditionTrue, "Seen", "live"),
			},
		},
		"ForeignWinsOverOurCopy": {
			why:  "our copy of what is not ours is old",
			live: []metav1.Condition{condition(foreign, metav1.ConditionTrue, "Seen", "live")},
			mine: []metav1.Condition{condition(foreign, metav1.ConditionFalse, "Unseen", "old")},
			want: []metav1.Condition{condition(foreign, metav1.ConditionTrue, "Seen", "live")},
		},
		"ForeignRemoved": {
			why:  "what its owner removed does not come back through us",
			mine: []metav1.Condition{condition(foreign, metav1.ConditionFalse, "Unseen", "old")},
			want: []metav1.Condition{},
		},
		"OursRemoved": {
			why:  "what we removed goes",
			live: []metav1.Condition{condition(meta.ConditionReconciling, metav1.ConditionTrue, "R", "live")},
			want: []metav1.Condition{},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, status.Merge(tc.live, tc.mine, owned)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestShorten(t *testing.T) {
	cases := map[string]struct {
		why, message string
		short        bool
	}{
		"Empty":      {"nothing to shorten", "", true},
		"AtTheLimit": {"one KiB is allowed", strings.Repeat("x", 1024), true},
		"OverByOne":  {"one byte more is not", strings.Repeat("x", 1025), false},
		"TwoBytes":   {"no rune is split", strings.Repeat("é", 2000), false},
		"ThreeBytes": {"no rune is split", strings.Repeat("世", 2000), false},
		"FourBytes":  {"no rune is split", strings.Repeat("🚢", 2000), false},
		"OddStart":   {"runes lie at other offsets", "x" + strings.Repeat("🚢", 2000), false},
		"OddEnd":     {"runes lie at other offsets", strings.Repeat("世", 2000) + "yz", false},
		"Huge":       {"a hostile server may say a lot", strings.Repeat("a", 1<<20), false},
		"NotText":    {"nor does it have to answer with text", strings.Repeat("\x80", 4096), false},
		"NotTextAtAll": {
			"bytes that are no text would read otherwise after the API server stored them, and be written at every pass",
			"remote: \xff\xfe", false,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := status.Shorten(tc.message)
			if len(got) > 1024 {
				t.Errorf("%s: %d bytes are left", tc.why, len(got))
			}
			if !utf8.ValidString(got) {
				t.Errorf("%s: the result is not UTF-8", tc.why)
			}
			if tc.short != (got == tc.message) {
				t.Errorf("%s: got %q", tc.why, got)
			}
			if again := status.Shorten(got); again != got {
				t.Errorf("shortening twice gives another text: %q", again)
			}
		})
	}
}

func TestShortenKeepsBothEnds(t *testing.T) {
	got := status.Shorten("applying stage 2: " + strings.Repeat("世", 2000) + ": admission webhook denied the request")
	if !strings.HasPrefix(got, "applying stage 2: ") {
		t.Errorf("what was attempted is lost: %q", got)
	}
	if !strings.HasSuffix(got, ": admission webhook denied the request") {
		t.Errorf("what the other side answered is lost: %q", got)
	}
}

func TestLongMessagesDoNotFlap(t *testing.T) {
	long := strings.Repeat("é", 2000)
	in := status.Input{Generation: generation, Now: now(), Outcome: outcome(status.Retry, meta.ReasonBuildFailed, long)}
	first := status.Derive(in)
	in.Previous, in.Now = first.Conditions, now().AddDate(0, 0, 1)
	second := status.Derive(in)
	if diff := cmp.Diff(first.Conditions, second.Conditions); diff != "" {
		t.Errorf("the same failure writes nothing (-first +second):\n%s", diff)
	}
	if second.Notice != status.Silent {
		t.Error("the same failure is reported again, because only its shortened form is remembered")
	}
}
