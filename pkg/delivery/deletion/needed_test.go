package deletion_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// TestNeeded says which objects would take others with them: one object that leaves the
// source must not delete what did not leave it.
func TestNeeded(t *testing.T) {
	namespace := inventory.Entry{ID: inventory.ID{Name: "apps", Kind: "Namespace"}, Version: "v1"}
	definition := inventory.Entry{ID: inventory.ID{Name: "widgets.example.com", Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}, Version: "v1"}
	unserved := inventory.Entry{ID: inventory.ID{Name: "gadgets.example.com", Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}, Version: "v1"}
	a, b := of("", "ConfigMap", "a"), of("", "ConfigMap", "b")
	widget := of("example.com", "Widget", "w")
	cluster := inventory.Entry{ID: inventory.ID{Name: "r", Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}}
	kindOf := func(gr schema.GroupResource) (schema.GroupKind, bool) {
		return schema.GroupKind{Group: "example.com", Kind: "Widget"}, gr == schema.GroupResource{Group: "example.com", Resource: "widgets"}
	}
	cases := map[string]struct {
		why   string
		stale []inventory.Entry
		stay  map[inventory.ID]string
		want  map[inventory.ID]string
	}{
		"Nothing":      {"an empty namespace may go", []inventory.Entry{namespace}, nil, map[inventory.ID]string{}},
		"GoesWithIt":   {"a namespace may go with all that is in it", []inventory.Entry{namespace, a}, map[inventory.ID]string{a.ID: "this build"}, map[inventory.ID]string{}},
		"OtherKinds":   {"other objects take nothing with them", []inventory.Entry{a}, map[inventory.ID]string{b.ID: "this build"}, nil},
		"ClusterWide":  {"an object without a namespace is in none", []inventory.Entry{namespace}, map[inventory.ID]string{cluster.ID: "this build"}, map[inventory.ID]string{}},
		"OtherSpace":   {"an object of another namespace stays", []inventory.Entry{{ID: inventory.ID{Name: "else", Kind: "Namespace"}}}, map[inventory.ID]string{a.ID: "this build"}, map[inventory.ID]string{}},
		"Namespace":    {"an object in it stays", []inventory.Entry{namespace}, map[inventory.ID]string{a.ID: "this build"}, map[inventory.ID]string{namespace.ID: "holds ConfigMap/apps/a of this build"}},
		"FirstIsNamed": {"the same text whatever the order", []inventory.Entry{namespace}, map[inventory.ID]string{b.ID: "x", a.ID: "y", widget.ID: "z"}, map[inventory.ID]string{namespace.ID: "holds ConfigMap/apps/a of y and 2 more"}},
		"Definition":   {"objects go with their definition", []inventory.Entry{definition}, map[inventory.ID]string{widget.ID: "Kustomization/team/shop"}, map[inventory.ID]string{definition.ID: "defines Widget/apps/w of Kustomization/team/shop"}},
		"Both": {
			"an object can go in two ways", []inventory.Entry{definition, namespace}, map[inventory.ID]string{widget.ID: "this build"},
			map[inventory.ID]string{definition.ID: "defines Widget/apps/w of this build", namespace.ID: "holds Widget/apps/w of this build"},
		},
		"Unserved": {"nothing lives under a definition that is not served", []inventory.Entry{unserved}, map[inventory.ID]string{widget.ID: "this build"}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, deletion.Needed(tc.stale, maps.All(tc.stay), kindOf)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestNeededIsHeld holds what is needed as an emptied build is held: until there is
// consent to the very set, or the object itself says that it may go.
func TestNeededIsHeld(t *testing.T) {
	namespace, a := of("", "Namespace", "apps"), of("", "ConfigMap", "a")
	request := deletion.Request{
		Stale: []inventory.Entry{namespace, a}, Inventory: 9,
		Needed: map[inventory.ID]string{namespace.ID: "holds ConfigMap/apps/b of this build"},
	}
	held := request.Decide()
	want := "Namespace/apps/apps holds ConfigMap/apps/b of this build"
	if held.Held == nil || held.Held.Reason != want || len(held.Delete) != 0 {
		t.Fatalf("got %+v", held)
	}
	agreed := request
	agreed.Consent = held.Held.Digest
	if v := agreed.Decide(); v.Held != nil || len(v.Delete) != 2 {
		t.Errorf("with consent: %+v", v)
	}
	allowed := request
	allowed.Overrides = map[inventory.ID]deletion.Override{namespace.ID: deletion.Allowed}
	if v := allowed.Decide(); v.Held != nil || len(v.Delete) != 2 {
		t.Errorf("an object that says it may go: %+v", v)
	}
	going := request
	going.Live = map[inventory.ID]drift.State{namespace.ID: drift.Terminating}
	if v := going.Decide(); v.Held != nil {
		t.Errorf("what is on its way out already: %+v", v.Held)
	}
}
