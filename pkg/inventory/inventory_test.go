package inventory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

func entry(name string, change ...func(*inventory.Entry)) inventory.Entry {
	e := inventory.Entry{ID: inventory.ID{Namespace: "ns", Name: name, Kind: "ConfigMap"}, Version: "v1"}
	for _, c := range change {
		c(&e)
	}
	return e
}

func recorded(b byte) func(*inventory.Entry) {
	return func(e *inventory.Entry) { e.Record.Desired[0] = b }
}

func version(v string) func(*inventory.Entry) {
	return func(e *inventory.Entry) { e.Version = v }
}

func names(entries []inventory.Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

func TestSetOperations(t *testing.T) {
	abc := func() inventory.Inventory { return inventory.Of(entry("a"), entry("b"), entry("c")) }
	cases := map[string]struct {
		why  string
		got  []inventory.Entry
		want []string
	}{
		"OfKeepsOrder":     {"the order is that of the apply", abc().Entries(), []string{"a", "b", "c"}},
		"OfFoldsIdentity":  {"one identity has one entry, at the place of the first", inventory.Of(entry("a"), entry("b"), entry("a", version("v2"))).Entries(), []string{"a", "b"}},
		"ZeroValue":        {"the zero value is empty", inventory.Inventory{}.Entries(), []string{}},
		"WithAdds":         {"what is new comes last", abc().With(entry("d")).Entries(), []string{"a", "b", "c", "d"}},
		"WithReplaces":     {"what is known keeps its place", abc().With(entry("a", version("v2"))).Entries(), []string{"a", "b", "c"}},
		"WithOnZero":       {"the zero value can grow", inventory.Inventory{}.With(entry("a")).Entries(), []string{"a"}},
		"WithoutDrops":     {"an entry leaves on purpose", abc().Without(entry("b").ID).Entries(), []string{"a", "c"}},
		"WithoutUnknown":   {"what is not there cannot leave", abc().Without(entry("z").ID).Entries(), []string{"a", "b", "c"}},
		"WithoutNothing":   {"nothing leaves by itself", abc().Without().Entries(), []string{"a", "b", "c"}},
		"MinusIsStale":     {"what is no longer desired", abc().Minus(inventory.Of(entry("b"), entry("d"))), []string{"a", "c"}},
		"MinusIgnoresRest": {"version and record do not make another object", abc().Minus(inventory.Of(entry("a", version("v9"), recorded(9)))), []string{"b", "c"}},
		"MinusOfZero":      {"nothing was applied, so nothing is stale", inventory.Inventory{}.Minus(abc()), []string{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, names(tc.got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestValuesDoNotShareState(t *testing.T) {
	base := inventory.Of(entry("a"), entry("b"))
	_ = base.With(entry("a", version("v2")), entry("c"))
	_ = base.Without(entry("a").ID)
	if diff := cmp.Diff([]string{"a", "b"}, names(base.Entries())); diff != "" {
		t.Errorf("an inventory is a value (-want +got):\n%s", diff)
	}
	if e, ok := base.Lookup(entry("a").ID); !ok || e.Version != "v1" {
		t.Errorf("the entry of a is now %+v", e)
	}
}

func TestLookup(t *testing.T) {
	inv := inventory.Of(entry("a"), entry("a", version("v2")))
	if inv.Len() != 1 {
		t.Fatalf("got %d entries", inv.Len())
	}
	if e, ok := inv.Lookup(entry("a").ID); !ok || e.Version != "v2" {
		t.Errorf("the later of two wins, got %+v", e)
	}
	for name, empty := range map[string]inventory.Inventory{"Zero": {}, "Other": inventory.Of(entry("b"))} {
		if _, ok := empty.Lookup(entry("a").ID); ok || empty.Has(entry("a").ID) {
			t.Errorf("%s: found what is not there", name)
		}
	}
}

// The digest stands for "these inputs made this inventory"; every way in which that
// stops being true has to break it.
func TestBindInputs(t *testing.T) {
	key := inventory.Key("installation")
	inputs := []byte("inputs")
	base := inventory.Of(entry("a", recorded(1)), entry("b", recorded(2)))
	bound := base.BindInputs(key, inputs)
	if len(bound) != 24 {
		t.Errorf("the digest %q has not 24 characters", bound)
	}
	same := map[string]string{
		"Again":        base.BindInputs(key, inputs),
		"AnotherOrder": inventory.Of(entry("b", recorded(2)), entry("a", recorded(1))).BindInputs(key, inputs),
	}
	for name, got := range same {
		if got != bound {
			t.Errorf("%s: the digest is another", name)
		}
	}
	broken := map[string]string{
		"AnotherKey":     base.BindInputs(inventory.Key("other"), inputs),
		"OtherInputs":    base.BindInputs(key, []byte("input")),
		"EntryAdded":     base.With(entry("c")).BindInputs(key, inputs),
		"EntryRemoved":   base.Without(entry("a").ID).BindInputs(key, inputs),
		"RecordChanged":  base.With(entry("a", recorded(3))).BindInputs(key, inputs),
		"RecordDropped":  base.With(entry("a")).BindInputs(key, inputs),
		"RecordsSwapped": inventory.Of(entry("a", recorded(2)), entry("b", recorded(1))).BindInputs(key, inputs),
		"VersionChanged": base.With(entry("a", recorded(1), version("v2"))).BindInputs(key, inputs),
		"Emptied":        inventory.Of().BindInputs(key, inputs),
	}
	for name, got := range broken {
		if got == bound {
			t.Errorf("%s: the digest still matches", name)
		}
	}
}

func TestWire(t *testing.T) {
	record := inventory.Record{Desired: inventory.DesiredDigest{1}, Live: inventory.Fingerprint{Strong: 2, Weak: 3}}
	foreign := meta.ResourceRef{ID: "not-an-id", Version: "v1", Ledger: "x"}
	wire := &meta.ResourceInventory{
		Inputs: "inputs",
		Entries: []meta.ResourceRef{
			{ID: "ns_a__ConfigMap", Version: "v1", Ledger: record.String()},
			{ID: "ns_b_apps_Deployment", Version: "v1", Dropped: []string{".spec.replica"}},
			foreign,
			{ID: "ns_c__Secret", Version: "v1", Ledger: "damaged"},
		},
	}
	inv, unreadable := inventory.Decode(wire)
	want := []inventory.Entry{
		{ID: inventory.ID{Namespace: "ns", Name: "a", Kind: "ConfigMap"}, Version: "v1", Record: record},
		{ID: inventory.ID{Namespace: "ns", Name: "b", Group: "apps", Kind: "Deployment"}, Version: "v1", Dropped: []string{".spec.replica"}},
		{ID: inventory.ID{Namespace: "ns", Name: "c", Kind: "Secret"}, Version: "v1"},
	}
	if diff := cmp.Diff(want, inv.Entries()); diff != "" {
		t.Errorf("a damaged record counts as missing, its entry stays (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]meta.ResourceRef{foreign}, unreadable); diff != "" {
		t.Errorf("what cannot be read is handed back (-want +got):\n%s", diff)
	}
	back := inventory.Encode(inv, "inputs", unreadable...)
	wantWire := &meta.ResourceInventory{
		Inputs: "inputs",
		Entries: []meta.ResourceRef{
			wire.Entries[0], wire.Entries[1], {ID: "ns_c__Secret", Version: "v1"}, foreign,
		},
	}
	if diff := cmp.Diff(wantWire, back); diff != "" {
		t.Errorf("nothing is lost on the way back (-want +got):\n%s", diff)
	}
}

func TestDecodeNothing(t *testing.T) {
	inv, unreadable := inventory.Decode(nil)
	if inv.Len() != 0 || unreadable != nil {
		t.Errorf("a status without inventory gave %v and %v", inv.Entries(), unreadable)
	}
}
