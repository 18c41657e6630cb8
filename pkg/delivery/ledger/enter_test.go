package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/delivery/ledger"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/plan"
)

func id(name string) inventory.ID {
	return inventory.ID{Namespace: "apps", Name: name, Kind: "ConfigMap"}
}

// recorded is an entry whose object was applied as desired, and answered as live.
func recorded(name string, desired byte, live uint32) inventory.Entry {
	return inventory.Entry{ID: id(name), Version: "v1", Record: inventory.Record{
		Desired: inventory.DesiredDigest{desired}, Live: inventory.Fingerprint{Strong: live},
	}}
}

func TestEnter(t *testing.T) {
	old := inventory.Of(recorded("a", 1, 1), recorded("stale", 1, 1))
	desired := []plan.Desired{{ID: id("b"), Digest: inventory.DesiredDigest{2}}, {ID: id("a"), Digest: inventory.DesiredDigest{1}}}
	cases := map[string]struct {
		why     string
		results []apply.Result
		want    []string
	}{
		"Nothing":  {"what was not applied has no entry, what is no longer desired keeps its own", nil, []string{"a", "stale"}},
		"Created":  {"a new object stands where the build has it", []apply.Result{{ID: id("b"), Action: apply.Created}}, []string{"b", "a", "stale"}},
		"Left":     {"a difference that is left changes no record", []apply.Result{{ID: id("a"), Action: apply.Drifted}}, []string{"a", "stale"}},
		"Verified": {"that an object is as it should be is worth no write", []apply.Result{{ID: id("a"), Action: apply.Unchanged}}, []string{"a", "stale"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range ledger.Enter(old, desired, tc.results).Entries() {
				got = append(got, e.Name)
				if was, known := old.Lookup(e.ID); known && cmp.Diff(was, e) != "" {
					t.Errorf("%s: the record of %s changed", tc.why, e.Name)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestEnterDropped follows what is left out of an object: it stands in the entry of
// every pass that wrote or verified the object, and goes with the field.
func TestEnterDropped(t *testing.T) {
	old := recorded("a", 1, 1)
	old.Dropped = []string{".spec.replica"}
	for name, tc := range map[string]struct {
		why    string
		action apply.Action
		found  []string
		want   []string
	}{
		"Corrected": {"the source has the field right now", apply.Configured, nil, nil},
		"Another":   {"another field is wrong now", apply.Configured, []string{".spec.port"}, []string{".spec.port"}},
		"Same":      {"a verification finds the same", apply.Unchanged, []string{".spec.replica"}, []string{".spec.replica"}},
		"Learned":   {"a verification finds that the server knows the field", apply.Unchanged, nil, nil},
		"Left":      {"nothing was applied", apply.Drifted, nil, []string{".spec.replica"}},
	} {
		result := apply.Result{ID: id("a"), Action: tc.action, Dropped: tc.found}
		entry, _ := ledger.Enter(inventory.Of(old), []plan.Desired{{ID: id("a"), Digest: old.Record.Desired}}, []apply.Result{result}).Lookup(id("a"))
		if diff := cmp.Diff(tc.want, entry.Dropped); diff != "" {
			t.Errorf("%s: %s: %s", name, tc.why, diff)
		}
	}
}

// TestNewlyDropped says which fields were left out of which object, once.
func TestNewlyDropped(t *testing.T) {
	known := recorded("a", 1, 1)
	known.Dropped = []string{".spec.replica"}
	old := inventory.Of(known, recorded("b", 1, 1))
	got := ledger.NewlyDropped(old, []apply.Result{
		{ID: id("c"), Action: apply.Created, Dropped: []string{".spec.x", ".metadata.uid"}},
		{ID: id("a"), Action: apply.Configured, Dropped: known.Dropped},
		{ID: id("b"), Action: apply.Drifted, Dropped: []string{".spec.left"}},
	})
	if diff := cmp.Diff([]string{"ConfigMap/apps/c .spec.x, .metadata.uid"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ConfigMap/apps/a .spec.replica"}, ledger.Dropped(old)); diff != "" {
		t.Error(diff)
	}
}
