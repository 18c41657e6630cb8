package services

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
	"github.com/capstan-gitops/capstan/pkg/egress"
)

// schema is what the tests read of the definition that the API server serves.
type schema struct {
	Spec struct {
		Versions []struct {
			Schema struct {
				OpenAPI struct {
					Properties struct{ Spec providerSpec }
				} `json:"openAPIV3Schema"`
			}
		}
	}
}

type providerSpec struct {
	Properties  struct{ Type struct{ Enum []string } }
	Validations []struct{ Rule string } `json:"x-kubernetes-validations"`
}

func admitted(t *testing.T) providerSpec {
	t.Helper()
	data, err := os.ReadFile("../../../../manifests/crds/notification.toolkit.fluxcd.io_providers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd schema
	if err := yaml.Unmarshal(data, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPI.Properties.Spec
}

// TestListIsComplete: a type that the API admits and the list does not have would
// be refused without anybody having decided it.
func TestListIsComplete(t *testing.T) {
	types := slices.Sorted(slices.Values(admitted(t).Properties.Type.Enum))
	listed := slices.Sorted(maps.Keys(New(egress.Guard{}, clock.RealClock{}).types))
	if diff := cmp.Diff(types, listed); diff != "" || len(types) == 0 {
		t.Errorf("the API and the list differ: %s", diff)
	}
}

func TestInterests(t *testing.T) {
	got := map[route.Interest][]string{}
	for name, known := range New(egress.Guard{}, clock.RealClock{}).types {
		if known.Takes != route.Reports {
			got[known.Takes] = append(got[known.Takes], name)
		}
	}
	for _, names := range got {
		slices.Sort(names)
	}
	want := map[route.Interest][]string{
		route.Everything:     {"generic", "generic-hmac"},
		route.CommitStatuses: {"azuredevops", "bitbucket", "bitbucketserver", "gitea", "github", "gitlab"},
		route.ChangeRequests: {"giteapullrequestcomment", "githubpullrequestcomment", "gitlabmergerequestcomment"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, name := range want[route.CommitStatuses] {
		if rule := admitted(t).Validations[0].Rule; !strings.Contains(rule, "'"+name+"'") {
			t.Errorf("%s is not in the rule of the API for commit statuses: %s", name, rule)
		}
	}
}

func TestActedOn(t *testing.T) {
	s := New(egress.Guard{}, clock.RealClock{})
	var got []string
	for name, known := range s.types {
		if known.Service != nil {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"generic", "generic-hmac", "slack"}, got); diff != "" {
		t.Error(diff)
	}
	if s.Of("unheard-of").Service != nil {
		t.Error("a type that is not in the list is acted on")
	}
}

// TestConformanceIsRun: a service that nobody holds to the contract is not acted
// on.
func TestConformanceIsRun(t *testing.T) {
	for name, known := range New(egress.Guard{}, clock.RealClock{}).types {
		if known.Service == nil {
			continue
		}
		folder := path.Join("..", path.Base(reflect.TypeOf(known.Service).Elem().PkgPath()))
		tests, err := filepath.Glob(path.Join(folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(tests, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(text), "conformance.Run(")
		}) {
			t.Errorf("no test in %s runs the conformance suite for %s", folder, name)
		}
	}
}

// TestDrop: whatever a service keeps for a Provider goes with the Provider.
func TestDrop(t *testing.T) {
	gone, dropped := types.NamespacedName{Namespace: "team", Name: "slack"}, 0
	drop := func(p types.NamespacedName) {
		if p == gone {
			dropped++
		}
	}
	(&Services{drop: []func(types.NamespacedName){drop, drop}}).Drop(gone)
	if dropped != 2 {
		t.Errorf("%d of 2 pools dropped the Provider", dropped)
	}
}
