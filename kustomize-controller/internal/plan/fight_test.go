package plan_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
)

func TestFightPauses(t *testing.T) {
	now := time.Unix(1000, 0)
	fight := plan.Fight{}
	if !fight.Until(time.Minute).IsZero() {
		t.Error("the first correction is made at once")
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		fight = fight.Corrected(now, time.Minute)
		if got := fight.Until(time.Minute).Sub(now); got != want*time.Second {
			t.Errorf("after correction %d the pause is %s, want %ds", i+1, got, want)
		}
		if fight.Told() != (i >= 2) {
			t.Errorf("after correction %d told is %v", i+1, fight.Told())
		}
		now = fight.Until(time.Minute)
	}
	if after := fight.Corrected(now.Add(time.Hour), time.Minute); after.Count != 1 {
		t.Errorf("an interval of peace ends the fight, count is %d", after.Count)
	}
	if got := (plan.Fight{Count: 1000, Last: now}).Until(time.Minute); got.Sub(now) != time.Minute {
		t.Errorf("a long fight pauses for %s", got.Sub(now))
	}
}

// TestRivalNamesFieldsOnly says that keys of lists and members of sets, which
// hold values, are never named.
func TestRivalNamesFieldsOnly(t *testing.T) {
	entry := func(manager, sub string, at int64, fields string) metav1.ManagedFieldsEntry {
		when := metav1.Unix(at, 0)
		return metav1.ManagedFieldsEntry{
			Manager: manager, Subresource: sub, Time: &when, FieldsV1: metav1.NewFieldsV1(fields),
		}
	}
	fields := `{"f:spec":{"f:replicas":{},"f:finalizers":{"v:\"canary\"":{}},"f:env":{"k:{\"name\":\"canary\"}":{"f:value":{}}}}}`
	cases := map[string]struct {
		why     string
		entries []metav1.ManagedFieldsEntry
		want    string
	}{
		"Nobody":  {"only we wrote", []metav1.ManagedFieldsEntry{entry("us", "", 9, "{}")}, ""},
		"Status":  {"a status is nobody's fight", []metav1.ManagedFieldsEntry{entry("them", "status", 9, fields)}, ""},
		"Fields":  {"names, not values", []metav1.ManagedFieldsEntry{entry("them", "", 9, fields)}, "them (.spec.env.value, .spec.finalizers, .spec.replicas)"},
		"Latest":  {"the last writer is the rival", []metav1.ManagedFieldsEntry{entry("old", "", 1, fields), entry("new", "", 2, "{}")}, "new"},
		"NotJSON": {"what cannot be read names nobody's fields", []metav1.ManagedFieldsEntry{entry("them", "", 1, "{")}, "them"},
	}
	for name, tc := range cases {
		if got := plan.Rival(tc.entries, "us"); got != tc.want {
			t.Errorf("%s: %s: got %q", name, tc.why, got)
		}
	}
}
