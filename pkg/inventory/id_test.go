package inventory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

const rbac = "rbac.authorization.k8s.io"

func TestIDRoundTrip(t *testing.T) {
	cases := map[string]struct {
		why     string
		id      inventory.ID
		wire    string
		subject string
	}{
		"Namespaced": {
			why:     "the form of the wire contract",
			id:      inventory.ID{Namespace: "default", Name: "podinfo", Group: "apps", Kind: "Deployment"},
			wire:    "default_podinfo_apps_Deployment",
			subject: "Deployment/default/podinfo",
		},
		"CoreGroup": {
			why:     "the core group is empty",
			id:      inventory.ID{Namespace: "default", Name: "settings", Kind: "ConfigMap"},
			wire:    "default_settings__ConfigMap",
			subject: "ConfigMap/default/settings",
		},
		"ClusterScopedCore": {
			why:     "namespace and group are both empty",
			id:      inventory.ID{Name: "team", Kind: "Namespace"},
			wire:    "_team__Namespace",
			subject: "Namespace/team",
		},
		"DotsInNames": {
			why:     "a CustomResourceDefinition has dots in name and group",
			id:      inventory.ID{Name: "a.example.com", Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"},
			wire:    "_a.example.com_apiextensions.k8s.io_CustomResourceDefinition",
			subject: "CustomResourceDefinition/a.example.com",
		},
		"RoleWithColons": {
			why:     "names of roles may have colons, which the wire form writes as two underscores",
			id:      inventory.ID{Name: "system:node:proxy", Group: rbac, Kind: "ClusterRole"},
			wire:    "_system__node__proxy_rbac.authorization.k8s.io_ClusterRole",
			subject: "ClusterRole/system:node:proxy",
		},
		"RoleWithUnderscore": {
			why:     "an underscore alone is not a colon",
			id:      inventory.ID{Namespace: "a", Name: "read_only_user", Group: rbac, Kind: "Role"},
			wire:    "a_read_only_user_rbac.authorization.k8s.io_Role",
			subject: "Role/a/read_only_user",
		},
		"RoleWithColonBeforeUnderscore": {
			why:     "the escape is read from the left",
			id:      inventory.ID{Namespace: "a", Name: "x:_y", Group: rbac, Kind: "RoleBinding"},
			wire:    "a_x___y_rbac.authorization.k8s.io_RoleBinding",
			subject: "RoleBinding/a/x:_y",
		},
		"UnderscoresElsewhere": {
			why:     "outside of RBAC two underscores are what they are",
			id:      inventory.ID{Namespace: "a", Name: "x__y", Group: "example.com", Kind: "Thing"},
			wire:    "a_x__y_example.com_Thing",
			subject: "Thing/a/x__y",
		},
		"NameBeginsWithUnderscore": {
			why:     "the namespace ends at the first underscore, because it cannot have one",
			id:      inventory.ID{Namespace: "a", Name: "_x", Group: "example.com", Kind: "Thing"},
			wire:    "a__x_example.com_Thing",
			subject: "Thing/a/_x",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.id.String(); got != tc.wire {
				t.Errorf("%s: wrote %q, want %q", tc.why, got, tc.wire)
			}
			if got := tc.id.Subject(); got != tc.subject {
				t.Errorf("named it %q, want %q", got, tc.subject)
			}
			got, err := inventory.ParseID(tc.wire)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.id, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestParseIDRefuses(t *testing.T) {
	cases := map[string]struct{ why, text string }{
		"Empty":      {"nothing names nothing", ""},
		"OnePart":    {"no separator", "podinfo"},
		"TwoParts":   {"no group and kind", "default_podinfo"},
		"ThreeParts": {"no kind", "default_podinfo_apps"},
		"NoName":     {"an object has a name", "default__apps_Deployment"},
		"NoKind":     {"an object has a kind", "default_podinfo_apps_"},
		"Separators": {"four empty parts", "___"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if id, err := inventory.ParseID(tc.text); err == nil {
				t.Errorf("%s: read %+v", tc.why, id)
			}
		})
	}
}

func TestIDOfObject(t *testing.T) {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"})
	obj.SetNamespace("default")
	obj.SetName("podinfo")
	want := inventory.ID{Namespace: "default", Name: "podinfo", Group: "apps", Kind: "Deployment"}
	if diff := cmp.Diff(want, inventory.IDOf(obj)); diff != "" {
		t.Errorf("the version is no part of an identity (-want +got):\n%s", diff)
	}
}

// FuzzParseID reads whatever a status may hold. What can be read is written the
// same way again and again: an entry that changed its text at every pass would
// be pruned and applied in turns.
func FuzzParseID(f *testing.F) {
	for _, text := range []string{
		"default_podinfo_apps_Deployment", "_team__Namespace", "a_x___y_rbac.authorization.k8s.io_Role",
		"_system__node_rbac.authorization.k8s.io_ClusterRole", "a_x:y_rbac.authorization.k8s.io_Role", "___", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := inventory.ParseID(text)
		if err != nil {
			return
		}
		if first.Name == "" || first.Kind == "" {
			t.Fatalf("%q was read as %+v", text, first)
		}
		wire := first.String()
		second, err := inventory.ParseID(wire)
		if err != nil {
			t.Fatalf("%q was read, its own form %q was not: %v", text, wire, err)
		}
		if second.String() != wire {
			t.Fatalf("%q became %q and then %q", text, wire, second.String())
		}
		if first.Group != rbac && first != second {
			t.Fatalf("%q was read as %+v and then as %+v", text, first, second)
		}
	})
}
