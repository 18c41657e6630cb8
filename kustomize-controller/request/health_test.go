package request_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/await"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

func applied(id inventory.ID, version string) inventory.Entry {
	return inventory.Entry{ID: id, Version: version, Record: inventory.Record{Live: inventory.Fingerprint{Strong: 1}}}
}

func TestAwaited(t *testing.T) {
	self := request.Self(unit(kustomizev1.KustomizationSpec{}))
	one := inventory.ID{Namespace: "apps", Name: "one", Group: "apps", Kind: "Deployment"}
	namespace := inventory.ID{Name: "team", Kind: "Namespace"}
	skipped := inventory.ID{Namespace: "apps", Name: "skipped", Kind: "ConfigMap"}
	ledger := inventory.Of(applied(one, "v1"), applied(self, "v1"), inventory.Entry{ID: skipped, Version: "v1"})
	check := func(apiVersion, kind, namespace, name string) kustomizev1.HealthCheckReference {
		return kustomizev1.HealthCheckReference{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	}
	cases := map[string]struct {
		why  string
		spec kustomizev1.KustomizationSpec
		want []await.Target
	}{
		"Nothing":   {"neither wait nor health checks", kustomizev1.KustomizationSpec{}, nil},
		"Wait":      {"what a policy skipped has no record of an answer, and a unit does not wait for itself", kustomizev1.KustomizationSpec{Wait: true}, []await.Target{{ID: one, Version: "v1"}}},
		"WaitFirst": {"with wait, health checks do not count", kustomizev1.KustomizationSpec{Wait: true, HealthChecks: []kustomizev1.HealthCheckReference{check("v1", "Namespace", "", "team")}}, []await.Target{{ID: one, Version: "v1"}}},
		"Named":     {"a named object need not be applied by the unit", kustomizev1.KustomizationSpec{HealthChecks: []kustomizev1.HealthCheckReference{check("apps/v1", "Deployment", "infra", "dns")}}, []await.Target{{ID: inventory.ID{Namespace: "infra", Name: "dns", Group: "apps", Kind: "Deployment"}, Version: "v1"}}},
		"OwnNamespace": {
			"without namespace the unit's is meant",
			kustomizev1.KustomizationSpec{HealthChecks: []kustomizev1.HealthCheckReference{check("apps/v1", "Deployment", "", "one")}},
			[]await.Target{{ID: one, Version: "v1"}},
		},
		"ClusterWide": {
			"objects of a kind without namespaces are in none",
			kustomizev1.KustomizationSpec{HealthChecks: []kustomizev1.HealthCheckReference{check("v1", "Namespace", "", "team")}},
			[]await.Target{{ID: namespace, Version: "v1"}},
		},
		"NoVersion": {
			"the contract's default is apps/v1",
			kustomizev1.KustomizationSpec{HealthChecks: []kustomizev1.HealthCheckReference{check("", "Deployment", "apps", "one")}},
			[]await.Target{{ID: one, Version: "v1"}},
		},
		"Self": {
			"a unit that names itself would wait for ever",
			kustomizev1.KustomizationSpec{HealthChecks: []kustomizev1.HealthCheckReference{check("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "", "shop"), check("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "other", "shop")}},
			[]await.Target{{ID: inventory.ID{Namespace: "other", Name: "shop", Group: self.Group, Kind: self.Kind}, Version: "v1"}},
		},
	}
	namespaced := func(gk schema.GroupKind) bool { return gk.Kind != "Namespace" }
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, request.Awaited(unit(tc.spec), ledger, namespaced)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestIgnoreRules(t *testing.T) {
	rule := func(paths ...string) []meta.IgnoreRule { return []meta.IgnoreRule{{Paths: paths}} }
	cases := map[string]struct {
		why     string
		rules   []meta.IgnoreRule
		refused bool
		ignores bool
	}{
		"None":       {"nothing is ignored", nil, false, false},
		"Replicas":   {"a field that an autoscaler writes", rule("/spec/replicas"), false, true},
		"NoPointer":  {"a path has to be a JSON pointer", rule("spec.replicas"), true, false},
		"OwnerLabel": {"without the owner's labels nobody would know whose it is", rule("/metadata/labels/kustomize.toolkit.fluxcd.io~1name"), true, false},
		"Labels":     {"all labels may be, the owner's are applied all the same", rule("/metadata/labels"), false, true},
		"Identity":   {"what says which object it is may not be", rule("/metadata/name"), true, false},
		"OtherLabel": {"other labels may be", rule("/metadata/labels/team"), false, true},
	}
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "a", "namespace": "apps"}}}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rules, err := request.IgnoreRules(tc.rules)
			if (err != nil) != tc.refused {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if err != nil {
				if f := fault.Of(err); f.Reason != meta.ReasonReconciliationFailed || f.Class != fault.ClassRetry {
					t.Errorf("%s: %v is %v", tc.why, err, f.Class)
				}
				return
			}
			if got := !rules.For(obj).Empty(); got != tc.ignores {
				t.Errorf("%s: ignores %v", tc.why, got)
			}
		})
	}
}

func TestHealthRules(t *testing.T) {
	expressions := request.NewExpressions()
	rules, err := expressions.HealthRules([]meta.HealthCheckExprs{{
		APIVersion: "example.com/v1", Kind: "Widget", Current: "status.phase == 'Done'",
		InProgress: "status.phase == 'Busy'", Failed: "status.phase == 'Broken'",
	}})
	if err != nil {
		t.Fatal(err)
	}
	for phase, want := range map[string]health.Status{"Done": health.Current, "Busy": health.InProgress, "Broken": health.Failed} {
		obj := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"name": "a"}, "status": map[string]any{"phase": phase},
		}}
		if got := rules.Of(t.Context(), obj).Status; got != want {
			t.Errorf("phase %s is %v, want %v", phase, got, want)
		}
	}
	_, err = expressions.HealthRules([]meta.HealthCheckExprs{{APIVersion: "example.com/v1", Kind: "Widget", Current: "status.("}})
	if f := fault.Of(err); err == nil || f.Class != fault.ClassStalled || f.Reason != meta.ReasonInvalidCELExpression {
		t.Errorf("no retry makes an expression compile: %v", err)
	}
}

func TestReadyExpressions(t *testing.T) {
	expressions := request.NewExpressions()
	got, err := expressions.ReadyExpressions([]meta.DependencyReference{{Name: "a"}, {Name: "b", ReadyExpr: "dep.metadata.name == 'b'"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != nil || got[1] == nil {
		t.Errorf("one entry for each dependency, nil for those without: %v", got)
	}
	_, err = expressions.ReadyExpressions([]meta.DependencyReference{{Name: "a", ReadyExpr: "dep.("}})
	if f := fault.Of(err); err == nil || f.Class != fault.ClassStalled || f.Reason != meta.ReasonInvalidCELExpression {
		t.Errorf("no retry makes an expression compile: %v", err)
	}
}
