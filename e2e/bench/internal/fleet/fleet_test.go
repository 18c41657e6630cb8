package fleet

import (
	"strings"
	"testing"
)

func TestShapes(t *testing.T) {
	cases := map[string]struct {
		shape Shape
		i     int
		want  Unit
		spec  []string
		why   string
	}{
		"Plain": {
			Shape{Units: 100, Objects: 4}, 70, Unit{Name: "unit-0070", Namespace: "bench-001", Home: home, Source: repositoryName}, nil,
			"fifty units share a namespace",
		},
		"OwnSources": {
			Shape{OwnSources: true, Wait: true}, 3, Unit{Name: "unit-0003", Namespace: "bench-000", Home: home, Source: "unit-0003"},
			[]string{"wait", "timeout"}, "its source is named like it",
		},
		"TenantEach": {
			Shape{Tenancy: TenantEach}, 70, Unit{Name: "unit-0070", Namespace: "bench-007", Home: "bench-007", Source: repositoryName},
			[]string{"serviceAccountName"}, "a Kustomization impersonates a ServiceAccount beside it",
		},
		"TenantShared": {
			Shape{Tenancy: TenantShared}, 0, Unit{Name: "unit-0000", Namespace: "bench-000", Home: home, Source: repositoryName},
			[]string{"serviceAccountName"}, "the only ServiceAccount is beside all Kustomizations",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := tc.shape.unit(tc.i)
			if got.Name != tc.want.Name || got.Namespace != tc.want.Namespace || got.Home != tc.want.Home || got.Source != tc.want.Source {
				t.Errorf("got %+v, want %+v, because %s", got, tc.want, tc.why)
			}
			if len(got.Spec) != len(tc.spec) {
				t.Errorf("the spec has %v, want %v", got.Spec, tc.spec)
			}
			for _, field := range tc.spec {
				if got.Spec[field] == nil {
					t.Errorf("the spec lacks %s", field)
				}
			}
		})
	}
}

func TestBuildOnBase(t *testing.T) {
	u := Shape{Objects: 2}.unit(0)
	files, err := u.files(2, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.buildOnBase(files); err != nil {
		t.Fatal(err)
	}
	if root := files["unit-0000/kustomization.yaml"]; !strings.Contains(root, "- configmap.yaml\n- serviceaccount.yaml\n- base\n") {
		t.Errorf("the unit is built from\n%s", root)
	}
	if overlay := files["unit-0000/base/kustomization.yaml"]; !strings.Contains(overlay, "namePrefix: unit-0000-") || !strings.Contains(overlay, "../../base") {
		t.Errorf("the base is taken by\n%s", overlay)
	}
}

func TestHuge(t *testing.T) {
	files, err := huge(250)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 { // two full ones, half a one, and the kustomization.yaml
		t.Errorf("there are %d files", len(files))
	}
	changed, err := hugeFile(200, 250, map[int]string{249: "changed"})
	if err != nil {
		t.Fatal(err)
	}
	before := files[hugePath(200)]
	if strings.Count(changed, "---\n") != 50 || strings.Count(changed, "value: changed\n") != 1 || strings.Contains(before, "changed") {
		t.Error("a change of one object does not change just one")
	}
}

func TestMore(t *testing.T) {
	files, err := Shape{Objects: 4}.unit(0).More(4, 16)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || strings.Count(files["unit-0000/more.yaml"], "kind: ConfigMap") != 16 {
		t.Errorf("it takes %d files to add 16 objects, want one and the list", len(files))
	}
	if root := files["unit-0000/kustomization.yaml"]; !strings.Contains(root, "- deployment.yaml\n- more.yaml\n") {
		t.Errorf("the unit is built from\n%s", root)
	}
}
