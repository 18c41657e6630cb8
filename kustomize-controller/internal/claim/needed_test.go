package claim

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

// TestFoundation lists what a unit stands on: if that were pruned, the unit could
// neither go on nor put it back.
func TestFoundation(t *testing.T) {
	account, err := tenancy.ServiceAccount("team", "deployer")
	if err != nil {
		t.Fatal(err)
	}
	self := inventory.ID{Namespace: "team", Name: "app", Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization"}
	git := inventory.ID{Namespace: "team", Name: "repo", Group: "source.toolkit.fluxcd.io", Kind: "GitRepository"}
	cases := map[string]struct {
		why  string
		as   tenancy.Identity
		edit func(*kustomizev1.KustomizationSpec)
		want map[inventory.ID]string
	}{
		"Controller": {
			"itself and its source", tenancy.Controller(), func(*kustomizev1.KustomizationSpec) {},
			map[inventory.ID]string{self: itself, git: source},
		},
		"Tenant": {
			"and what it is applied with", account, func(*kustomizev1.KustomizationSpec) {},
			map[inventory.ID]string{self: itself, git: source, {Namespace: "team", Name: "deployer", Kind: "ServiceAccount"}: identity},
		},
		"Target": {
			"and the namespace that it targets", tenancy.Controller(), func(s *kustomizev1.KustomizationSpec) { s.TargetNamespace = "shop" },
			map[inventory.ID]string{self: itself, git: source, {Name: "shop", Kind: "Namespace"}: target},
		},
		"Elsewhere": {
			"an object of the same name in another cluster is another object", tenancy.Controller(),
			func(s *kustomizev1.KustomizationSpec) {
				s.KubeConfig = &meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: "there"}}
			},
			map[inventory.ID]string{},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			unit := &kustomizev1.Kustomization{}
			unit.Namespace, unit.Name = "team", "app"
			unit.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "repo"}
			tc.edit(&unit.Spec)
			if diff := cmp.Diff(tc.want, foundationOf(unit, tc.as)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}
