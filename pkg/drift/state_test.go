package drift_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/drift"
)

func TestAbsent(t *testing.T) {
	for name, tc := range map[string]struct {
		why  string
		kind schema.GroupKind
		want drift.State
	}{
		"Deployment": {"nothing but a deletion takes it away", schema.GroupKind{Group: "apps", Kind: "Deployment"}, drift.Gone},
		"Pod":        {"whoever owns it makes another", schema.GroupKind{Kind: "Pod"}, drift.Ended},
		"Job":        {"it may remove itself after it has finished", schema.GroupKind{Group: "batch", Kind: "Job"}, drift.Ended},
		"OtherJob":   {"a kind of another group has its own rules", schema.GroupKind{Group: "example.org", Kind: "Job"}, drift.Gone},
	} {
		if got := drift.Absent(tc.kind); got != tc.want {
			t.Errorf("%s: %s: got %s", name, tc.why, got)
		}
	}
	if got := drift.State(0); got != drift.Clean || got.String() != "Clean" || drift.Unwatched.String() != "Unwatched" {
		t.Errorf("got %s and %s", got, drift.Unwatched)
	}
}
