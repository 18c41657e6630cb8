package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/plan"
)

func id(name string) inventory.ID {
	return inventory.ID{Namespace: "apps", Name: name, Kind: "ConfigMap"}
}

func digest(b byte) inventory.DesiredDigest { return inventory.DesiredDigest{b} }

func desired(name string, b byte) plan.Desired { return plan.Desired{ID: id(name), Digest: digest(b)} }

func recorded(name string, b byte) inventory.Entry {
	return inventory.Entry{ID: id(name), Version: "v1", Record: inventory.Record{Desired: digest(b)}}
}

// TestEveryCase is the whole table: what is known of the live object, whether the
// interval has passed, and whether the object differs from what was asked for
// last time.
func TestEveryCase(t *testing.T) {
	const keep, verify, apply = plan.Keep, plan.Verify, plan.Apply
	cases := map[string]struct {
		why                string
		live               drift.State
		idle, due, changed plan.Action
	}{
		"Clean":       {"nobody touched it", drift.Clean, keep, keep, apply},
		"Dirty":       {"drift is corrected at once", drift.Dirty, apply, apply, apply},
		"Suspect":     {"only a dry-run can tell", drift.Suspect, verify, verify, apply},
		"Takeover":    {"a rollout restart lives until the interval", drift.TakeoverDue, keep, apply, apply},
		"Gone":        {"what was deleted by hand comes back", drift.Gone, apply, apply, apply},
		"Ending":      {"a finished Job comes back at the interval only", drift.Ended, keep, apply, apply},
		"Terminating": {"what is being deleted is left alone", drift.Terminating, keep, keep, apply},
		"Foreign":     {"the other owner's until the interval", drift.Foreign, keep, apply, apply},
		"Unwatched":   {"verified at the interval", drift.Unwatched, keep, verify, apply},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, due := range []bool{false, true} {
				for _, changed := range []bool{false, true} {
					want := map[[2]bool]plan.Action{
						{false, false}: tc.idle, {true, false}: tc.due, {false, true}: tc.changed, {true, true}: tc.changed,
					}[[2]bool{due, changed}]
					old := byte(1)
					if changed {
						old = 2
					}
					in := plan.Input{
						Desired: []plan.Desired{desired("a", 1)}, Old: inventory.Of(recorded("a", old)),
						Live: map[inventory.ID]drift.State{id("a"): tc.live}, Due: due, Watching: true,
					}
					step := plan.Compute(in).Steps[0]
					if step.Action != want || step.Changed != changed {
						t.Errorf("%s: due %v, changed %v: action %v, changed %v", tc.why, due, changed, step.Action, step.Changed)
					}
					in.Forced = true
					if forced := plan.Compute(in).Steps[0]; forced.Action != apply || forced.Changed != changed {
						t.Errorf("forced, everything is applied; action %v, changed %v", forced.Action, forced.Changed)
					}
					in.Forced, in.Watching = false, false
					wantBlind := keep
					if changed {
						wantBlind = apply
					}
					if blind := plan.Compute(in).Steps[0]; blind.Action != wantBlind {
						t.Errorf("with drift detection off only the source counts; action %v", blind.Action)
					}
				}
			}
		})
	}
}

func TestNewObjects(t *testing.T) {
	p := plan.Compute(plan.Input{
		Desired:  []plan.Desired{desired("b", 1), desired("a", 1), desired("c", 0)},
		Old:      inventory.Of(recorded("a", 1), inventory.Entry{ID: id("lost"), Version: "v1"}),
		Watching: true,
	})
	var got []string
	for _, s := range p.Steps {
		if s.Changed && s.Action == plan.Apply {
			got = append(got, s.Name)
		}
	}
	if diff := cmp.Diff([]string{"b", "c"}, got); diff != "" {
		t.Errorf("what the ledger does not hold is new, in the order of the build (-want +got):\n%s", diff)
	}
}

// TestAudit says that the audit verifies what seems fine, and nothing else.
func TestAudit(t *testing.T) {
	for live, want := range map[drift.State]plan.Action{
		drift.Clean: plan.Verify, drift.Dirty: plan.Apply, drift.Suspect: plan.Verify, drift.TakeoverDue: plan.Keep,
		drift.Ended: plan.Keep, drift.Terminating: plan.Keep, drift.Foreign: plan.Keep, drift.Unwatched: plan.Keep,
	} {
		p := plan.Compute(plan.Input{
			Desired: []plan.Desired{desired("a", 1)}, Old: inventory.Of(recorded("a", 1)),
			Live: map[inventory.ID]drift.State{id("a"): live}, Watching: true, Audit: true,
		})
		if s := p.Steps[0]; s.Action != want || s.Audited != (live == drift.Clean) {
			t.Errorf("live %v: action %v, audited %v", live, s.Action, s.Audited)
		}
	}
}

func TestMissingRecordIsUnknown(t *testing.T) {
	p := plan.Compute(plan.Input{
		Desired: []plan.Desired{desired("a", 1)}, Old: inventory.Of(inventory.Entry{ID: id("a"), Version: "v1"}), Watching: true,
	})
	if p.Steps[0].Action != plan.Apply {
		t.Error("an entry without a record says nothing about what was applied")
	}
}

func names(entries []inventory.Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

// TestRemovals says what becomes of objects that are no longer desired.
func TestRemovals(t *testing.T) {
	ab := inventory.Of(recorded("a", 1), recorded("b", 1))
	cases := map[string]struct {
		why             string
		in              plan.Input
		stale, released []string
	}{
		"Nothing":         {"nothing left the source", plan.Input{Desired: []plan.Desired{desired("a", 1), desired("b", 1)}, Old: ab, Prune: true}, []string{}, []string{}},
		"One":             {"one left, the other stays", plan.Input{Desired: []plan.Desired{desired("a", 1)}, Old: ab, Prune: true}, []string{"b"}, []string{}},
		"OneUnpruned":     {"without pruning it is released", plan.Input{Desired: []plan.Desired{desired("a", 1)}, Old: ab}, []string{}, []string{"b"}},
		"Emptied":         {"everything left; whether it may go is decided elsewhere", plan.Input{Old: ab, Prune: true}, []string{"a", "b"}, []string{}},
		"EmptiedUnpruned": {"nothing is deleted", plan.Input{Old: ab}, []string{}, []string{"a", "b"}},
		"NothingAtAll":    {"empty before and after", plan.Input{Prune: true}, []string{}, []string{}},
		"Replaced":        {"everything is new", plan.Input{Desired: []plan.Desired{desired("z", 1)}, Old: ab, Prune: true}, []string{"a", "b"}, []string{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.in.Watching = true
			p := plan.Compute(tc.in)
			if diff := cmp.Diff(tc.stale, names(p.Stale)); diff != "" {
				t.Errorf("%s: stale (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.released, names(p.Released)); diff != "" {
				t.Errorf("%s: released (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}
