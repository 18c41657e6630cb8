package deletion_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

func of(group, kind, name string) inventory.Entry {
	return inventory.Entry{ID: inventory.ID{Namespace: "apps", Name: name, Group: group, Kind: kind}, Version: "v1"}
}

// some returns so many ConfigMaps.
func some(n int) []inventory.Entry {
	out := make([]inventory.Entry, n)
	for i := range out {
		out[i] = of("", "ConfigMap", fmt.Sprintf("c%03d", i))
	}
	return out
}

func budget(t *testing.T, terms ...string) deletion.Budget {
	t.Helper()
	b, err := deletion.ParseBudget(terms...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBudget is the table of what is held and why: a path that was removed, a
// repository that was emptied, and a single commit that removes too much.
func TestBudget(t *testing.T) {
	namespace, claim := of("", "Namespace", "shop"), of("", "PersistentVolumeClaim", "data")
	crd, other := of("apiextensions.k8s.io", "CustomResourceDefinition", "x"), of("example.com", "Namespace", "theirs")
	cases := map[string]struct {
		why       string
		terms     string
		stale     []inventory.Entry
		inventory int
		emptied   bool
		want      string // the reason, or empty
	}{
		"Off":             {"without a budget nothing but an emptied build is held", "", some(99), 100, false, ""},
		"Emptied":         {"an emptied build is held without a budget", "", some(2), 2, true, "the build has no objects any more"},
		"UnderCount":      {"as many as the budget are allowed", "count=20", some(20), 40, false, ""},
		"OverCount":       {"one more is not, and the reason has the numbers", "count=20", some(23), 40, false, "23 of 40 objects are more than the budget of 20"},
		"ZeroCount":       {"nothing goes without consent", "count=0", some(1), 40, false, "1 of 40 objects are more than the budget of 0"},
		"UnderPercent":    {"a share exactly met is allowed", "percent=30", some(12), 40, false, ""},
		"OverPercent":     {"more is not", "percent=30", some(13), 40, false, "13 of 40 objects are more than the budget of 30%"},
		"SmallUnit":       {"a share of few objects would hold every deletion", "percent=30", some(8), 9, false, ""},
		"SmallestBounded": {"from ten objects on a share means something", "percent=30", some(4), 10, false, "4 of 10 objects are more than the budget of 30%"},
		"Both":            {"both bounds are named", "count=20,percent=30", some(23), 40, false, "23 of 40 objects are more than the budget of 20 and of 30%"},
		"EmptiedAndOver":  {"all reasons are named", "count=1", some(2), 2, true, "the build has no objects any more; 2 of 2 objects are more than the budget of 1"},
		"Protected":       {"one of a protected kind is held", "protect=Namespace", []inventory.Entry{namespace}, 40, false, "the budget protects the kind of Namespace/apps/shop"},
		"ProtectedAmong": {
			"all that leaves together waits, and the reason names those it is about", "protect=Namespace,protect=PersistentVolumeClaim",
			append(some(2), namespace, claim), 40, false, "the budget protects the kind of Namespace/apps/shop, PersistentVolumeClaim/apps/data",
		},
		"AnyGroup":   {"a kind without a group is protected in every group", "protect=Namespace", []inventory.Entry{other}, 40, false, "the budget protects the kind of Namespace/apps/theirs"},
		"Group":      {"a kind with its group", "protect=CustomResourceDefinition.apiextensions.k8s.io", []inventory.Entry{crd}, 40, false, "the budget protects the kind of CustomResourceDefinition/apps/x"},
		"OtherGroup": {"is not that of another", "protect=Namespace.example.org", []inventory.Entry{other}, 40, false, ""},
		"OtherKind":  {"other kinds are not protected", "protect=Namespace", []inventory.Entry{claim}, 40, false, ""},
		"ManyNamed": {
			"a reason is a sentence, not a list", "protect=ConfigMap", some(9), 40, false,
			"the budget protects the kind of ConfigMap/apps/c000, ConfigMap/apps/c001, ConfigMap/apps/c002 and 6 more",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := deletion.Request{Stale: tc.stale, Inventory: tc.inventory, Emptied: tc.emptied, Budget: budget(t, tc.terms)}
			v := d.Decide()
			if tc.want == "" {
				if v.Held != nil || len(v.Delete) != len(tc.stale) {
					t.Fatalf("%s: held %+v, %d of %d deleted", tc.why, v.Held, len(v.Delete), len(tc.stale))
				}
				return
			}
			if v.Held == nil || v.Held.Reason != tc.want {
				t.Fatalf("%s: held %+v", tc.why, v.Held)
			}
			if len(v.Delete) != 0 || len(v.Held.Subjects) != len(tc.stale) || !strings.HasPrefix(v.Held.Digest, "sha256:") {
				t.Errorf("the whole set waits: deleting %v, held %+v", names(v.Delete), v.Held)
			}
			d.Consent = v.Held.Digest
			if agreed := d.Decide(); agreed.Held != nil || len(agreed.Delete) != len(tc.stale) {
				t.Errorf("consent lets the whole set through: %+v", agreed.Held)
			}
		})
	}
}

// TestOverrides says what single objects change about a deletion of a, b and c
// under a budget of one.
func TestOverrides(t *testing.T) {
	abc := []inventory.Entry{recorded("a", 1), recorded("b", 1), recorded("c", 1)}
	none, all := []string{}, []string{"a", "b", "c"}
	cases := map[string]struct {
		why       string
		terms     string
		live      map[inventory.ID]drift.State
		overrides map[inventory.ID]deletion.Override
		deleted   []string
		held      []string
	}{
		"None":         {"three are more than one", "count=1", nil, nil, none, all},
		"Allowed":      {"what may go goes, though the rest waits", "count=1", nil, map[inventory.ID]deletion.Override{id("b"): deletion.Allowed}, []string{"b"}, []string{"a", "c"}},
		"Enough":       {"what may go does not count", "count=1", nil, map[inventory.ID]deletion.Override{id("a"): deletion.Allowed, id("b"): deletion.Allowed}, all, nil},
		"OfKind":       {"an object overrides the protection of its kind", "protect=ConfigMap", nil, map[inventory.ID]deletion.Override{id("a"): deletion.Allowed, id("b"): deletion.Allowed, id("c"): deletion.Allowed}, all, nil},
		"Protected":    {"an object protects itself without a budget", "", nil, map[inventory.ID]deletion.Override{id("c"): deletion.Protected}, none, all},
		"Kept":         {"what is kept on purpose is not deleted", "count=1", nil, map[inventory.ID]deletion.Override{id("a"): deletion.Kept, id("c"): deletion.Kept}, all, nil},
		"Foreign":      {"nor is what has another owner", "count=1", map[inventory.ID]drift.State{id("a"): drift.Foreign, id("b"): drift.Foreign}, nil, all, nil},
		"Terminating":  {"what is on its way out is not deleted again", "count=1", map[inventory.ID]drift.State{id("a"): drift.Terminating, id("b"): drift.Terminating}, nil, all, nil},
		"StillCounted": {"but it belongs to the set, so that the digest stands when it ends", "count=0", map[inventory.ID]drift.State{id("a"): drift.Terminating}, nil, none, all},
		"Gone":         {"a list that lies must not open the budget", "count=1", map[inventory.ID]drift.State{id("a"): drift.Gone, id("b"): drift.Gone, id("c"): drift.Gone}, nil, none, all},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			v := deletion.Request{Stale: abc, Inventory: 40, Live: tc.live, Overrides: tc.overrides, Budget: budget(t, tc.terms)}.Decide()
			if diff := cmp.Diff(tc.deleted, names(v.Delete)); diff != "" {
				t.Errorf("%s: deleted (-want +got):\n%s", tc.why, diff)
			}
			var held []string
			if v.Held != nil {
				for _, s := range v.Held.Subjects {
					held = append(held, strings.TrimPrefix(s, "ConfigMap/apps/"))
				}
			}
			if diff := cmp.Diff(tc.held, held); diff != "" {
				t.Errorf("%s: held (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestProtectedObjectIsNamed(t *testing.T) {
	d := deletion.Request{Stale: some(2), Inventory: 40, Overrides: map[inventory.ID]deletion.Override{some(2)[1].ID: deletion.Protected}}
	if want := "capstan.dev/deletion protects ConfigMap/apps/c001"; d.Decide().Held.Reason != want {
		t.Errorf("got %q, want %q", d.Decide().Held.Reason, want)
	}
}

// TestMoved says that objects another unit wants are not deleted and count for
// nothing: a refactoring of the repository asks nobody.
func TestMoved(t *testing.T) {
	d := deletion.Request{Stale: some(5), Inventory: 5, Emptied: true, Budget: budget(t, "count=1")}
	moved := map[inventory.ID]bool{}
	for _, e := range some(5) {
		moved[e.ID] = true
	}
	if v := d.Without(moved).Decide(); v.Held != nil || len(v.Delete) != 0 {
		t.Errorf("all moved: held %+v, deleting %v", v.Held, names(v.Delete))
	}
	delete(moved, some(5)[3].ID)
	if v := d.Without(moved).Decide(); v.Held == nil || len(v.Held.Subjects) != 1 {
		t.Errorf("all but one moved, and nothing is left: held %+v", v.Held)
	}
	if len(d.Stale) != 5 {
		t.Error("a deletion is a value")
	}
}

// unit is a Kustomization over several passes: what its status remembers.
type unit struct {
	t         *testing.T
	old       inventory.Inventory
	consent   string
	confirmed deletion.Confirmed
}

// pass deletes the objects named stale, of which the server refuses some.
func (u *unit) pass(stale []string, refused ...string) *deletion.Hold {
	u.t.Helper()
	var entries []inventory.Entry
	for _, name := range stale {
		if e, ok := u.old.Lookup(id(name)); ok {
			entries = append(entries, e)
		}
	}
	v := deletion.Request{
		Unit: "uid", Stale: entries, Inventory: u.old.Len(), Budget: budget(u.t, "count=0"), Consent: u.consent, Confirmed: u.confirmed,
	}.Decide()
	for _, e := range v.Delete {
		if !strings.Contains(strings.Join(refused, ","), e.Name) {
			u.old = u.old.Without(e.ID)
		}
	}
	u.confirmed = v.Confirmed(u.old)
	return v.Held
}

func newUnit(t *testing.T) *unit {
	t.Helper()
	return &unit{t: t, old: inventory.Of(recorded("a", 1), recorded("b", 1), recorded("c", 1))}
}

// TestConsentLastsUntilTheSetIsGone says that a deletion that fails midway goes on
// under the consent it has, over as many passes as it takes.
func TestConsentLastsUntilTheSetIsGone(t *testing.T) {
	u := newUnit(t)
	held := u.pass([]string{"a", "b", "c"})
	if held == nil {
		t.Fatal("a budget of none holds everything")
	}
	u.consent = held.Digest
	for i, refused := range [][]string{{"b", "c"}, {"b", "c"}, {"c"}, {}} {
		if held := u.pass([]string{"a", "b", "c"}, refused...); held != nil {
			t.Fatalf("pass %d: the rest of what was consented to is held: %+v", i, held)
		}
		if (u.confirmed.Remaining == "") != (len(refused) == 0) || u.confirmed.Digest != u.consent {
			t.Errorf("pass %d: the status remembers %+v", i, u.confirmed)
		}
	}
	if u.old.Len() != 0 {
		t.Errorf("left: %v", names(u.old.Entries()))
	}
}

// TestLostStatusLosesNoConsent says that a pass whose status was never written is
// simply made again.
func TestLostStatusLosesNoConsent(t *testing.T) {
	u := newUnit(t)
	u.consent = u.pass([]string{"a", "b"}).Digest
	before := *u
	u.pass([]string{"a", "b"}, "b")
	*u = before
	if held := u.pass([]string{"a", "b"}); held != nil {
		t.Errorf("held again: %+v", held)
	}
}

func TestConsentDoesNotStretch(t *testing.T) {
	cases := map[string]struct {
		why  string
		then func(u *unit) *deletion.Hold
	}{
		"Grown":   {"one more object is another set", func(u *unit) *deletion.Hold { return u.pass([]string{"a", "b", "c"}) }},
		"Shrunk":  {"so is one less", func(u *unit) *deletion.Hold { return u.pass([]string{"a"}) }},
		"Revoked": {"an annotation that is taken away consents no more", func(u *unit) *deletion.Hold { u.consent = ""; return u.pass([]string{"a", "b"}) }},
		"GrownMidway": {"the rest with one more is another set", func(u *unit) *deletion.Hold {
			u.pass([]string{"a", "b"}, "b")
			return u.pass([]string{"b", "c"})
		}},
		"RevokedMidway": {"revoked in the middle", func(u *unit) *deletion.Hold {
			u.pass([]string{"a", "b"}, "b")
			u.consent = ""
			return u.pass([]string{"b"})
		}},
		"Replayed": {"a consent that was used counts no second time", func(u *unit) *deletion.Hold {
			u.pass([]string{"a", "b"})
			u.old = u.old.With(recorded("a", 1), recorded("b", 1))
			return u.pass([]string{"a", "b"})
		}},
		"ReplayedRest": {"nor for what it never came to delete, once that was wanted again", func(u *unit) *deletion.Hold {
			u.pass([]string{"a", "b"}, "b")
			u.pass(nil)
			return u.pass([]string{"b"})
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := newUnit(t)
			u.consent = u.pass([]string{"a", "b"}).Digest
			before := u.consent
			held := tc.then(u)
			if held == nil {
				t.Fatalf("%s: deleted without consent", tc.why)
			}
			if held.Digest == before {
				// Taking the same annotation away and putting it back is consent again.
				if u.consent != "" {
					t.Errorf("%s: the digest asked for is the one already given", tc.why)
				}
				return
			}
			u.consent = held.Digest
		})
	}
}

func TestConsentIsOfOneUnit(t *testing.T) {
	d := deletion.Request{Unit: "one", Stale: some(2), Inventory: 2, Emptied: true}
	d.Consent = d.Decide().Held.Digest
	d.Unit = "its successor"
	if d.Decide().Held == nil {
		t.Error("an annotation that came back from Git with a new Kustomization consents to nothing")
	}
}

func id(name string) inventory.ID {
	return inventory.ID{Namespace: "apps", Name: name, Kind: "ConfigMap"}
}

func recorded(name string, b byte) inventory.Entry {
	return inventory.Entry{ID: id(name), Version: "v1", Record: inventory.Record{Desired: inventory.DesiredDigest{b}}}
}

func names(entries []inventory.Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

// emptied is the deletion of everything that a unit has.
func emptied(consent string, entries ...inventory.Entry) deletion.Request {
	return deletion.Request{Stale: entries, Inventory: len(entries), Emptied: true, Consent: consent}
}

// TestEmptiedBuildIsHeld checks that an emptied build deletes nothing without consent
// to the very set of its objects.
func TestEmptiedBuildIsHeld(t *testing.T) {
	a, b, c := recorded("a", 1), recorded("b", 1), recorded("c", 1)
	otherGroup := func(e inventory.Entry) inventory.Entry { e.Group = "example.com"; return e }
	consent := emptied("", a, b).Decide().Held.Digest
	cases := map[string]struct {
		why  string
		in   deletion.Request
		held []string
	}{
		"Emptied":      {"an emptied source is more likely a mistake", emptied("", a, b), []string{"ConfigMap/apps/a", "ConfigMap/apps/b"}},
		"Consented":    {"the user agreed to this very set", emptied(consent, a, b), nil},
		"OtherConsent": {"consent to one set is none to another", emptied(consent, a, b, c), []string{"ConfigMap/apps/a", "ConfigMap/apps/b", "ConfigMap/apps/c"}},
		"Smaller":      {"nor to a part of it", emptied(consent, a), []string{"ConfigMap/apps/a"}},
		"OtherGroup":   {"nor to objects of another group with the same kind and name", emptied(consent, otherGroup(a), otherGroup(b)), []string{"ConfigMap/apps/a", "ConfigMap/apps/b"}},
		"NothingAtAll": {"empty before and after", emptied(""), nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var held []string
			if hold := tc.in.Decide().Held; hold != nil {
				held = hold.Subjects
			}
			if diff := cmp.Diff(tc.held, held); diff != "" {
				t.Errorf("%s: held (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestHoldDoesNotDependOnOrder(t *testing.T) {
	one := emptied("", recorded("a", 1), recorded("b", 1)).Decide().Held
	other := emptied("", recorded("b", 2), recorded("a", 3)).Decide().Held
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("the same objects are the same set (-one +other):\n%s", diff)
	}
}
