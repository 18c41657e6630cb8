package request_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
)

// unit is apps/shop with a spec.
func unit(spec kustomizev1.KustomizationSpec) *kustomizev1.Kustomization {
	return &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "shop"}, Spec: spec}
}

func decryptedWith(secret string) *kustomizev1.Decryption {
	d := &kustomizev1.Decryption{Provider: "sops"}
	if secret != "" {
		d.SecretRef = &meta.LocalObjectReference{Name: secret}
	}
	return d
}

func TestReferences(t *testing.T) {
	install := request.Installation{Namespace: "flux-system", AgeSecret: "age", VaultConfigMap: "vaults"}
	kubeconfig := &meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: "kubeconfig"}}
	own := reference.Reference{Field: "spec.decryption.secretRef", Kind: "Secret", Namespace: "apps", Name: "keys"}
	age := reference.Reference{Field: "--sops-age-secret", Kind: "Secret", Namespace: "flux-system", Name: "age"}
	vaults := reference.Reference{Field: "--sops-vault-configmap", Kind: "ConfigMap", Namespace: "flux-system", Name: "vaults"}
	config := reference.Reference{Field: "spec.kubeConfig.secretRef", Kind: "Secret", Namespace: "apps", Name: "kubeconfig"}
	cases := map[string]struct {
		why     string
		install request.Installation
		spec    kustomizev1.KustomizationSpec
		want    []reference.Reference
	}{
		"None":           {"a plain unit depends on nothing, whatever the flags give", install, kustomizev1.KustomizationSpec{}, nil},
		"OwnKeys":        {"own keys stand in for those of the flag", install, kustomizev1.KustomizationSpec{Decryption: decryptedWith("keys")}, []reference.Reference{own, vaults}},
		"InstalledKeys":  {"without own keys those of the flag count, in the controller's namespace", install, kustomizev1.KustomizationSpec{Decryption: decryptedWith("")}, []reference.Reference{age, vaults}},
		"NoKeysAnywhere": {"workload identity needs no Secret", request.Installation{}, kustomizev1.KustomizationSpec{Decryption: decryptedWith("")}, nil},
		"Cluster":        {"the kubeconfig is one", install, kustomizev1.KustomizationSpec{KubeConfig: kubeconfig}, []reference.Reference{config}},
		"Variables": {
			"each has the place in the spec it comes from", install,
			kustomizev1.KustomizationSpec{PostBuild: &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{
				{Kind: "ConfigMap", Name: "a"}, {Kind: "Secret", Name: "b", Optional: true},
			}}},
			[]reference.Reference{
				{Field: "spec.postBuild.substituteFrom[0]", Kind: "ConfigMap", Namespace: "apps", Name: "a"},
				{Field: "spec.postBuild.substituteFrom[1]", Kind: "Secret", Namespace: "apps", Name: "b", Optional: true},
			},
		},
		"Order": {
			"the order is fixed: their versions are digested in it", install,
			kustomizev1.KustomizationSpec{
				KubeConfig: kubeconfig, Decryption: decryptedWith("keys"),
				PostBuild: &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "Secret", Name: "v"}}},
			},
			[]reference.Reference{config, own, vaults, {Field: "spec.postBuild.substituteFrom[0]", Kind: "Secret", Namespace: "apps", Name: "v"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.install.References(unit(tc.spec))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestDependencies(t *testing.T) {
	u := unit(kustomizev1.KustomizationSpec{DependsOn: []meta.DependencyReference{
		{Name: "a", ReadyExpr: "true"}, {Name: "a", Namespace: "infra"}, {Name: "b"}, {Name: "b", ReadyExpr: "true"},
	}})
	at := func(namespace, name string) types.NamespacedName {
		return types.NamespacedName{Namespace: namespace, Name: name}
	}
	want := []types.NamespacedName{at("apps", "a"), at("infra", "a"), at("apps", "b"), at("apps", "b")}
	if diff := cmp.Diff(want, request.Dependencies(u)); diff != "" {
		t.Errorf("a dependency without namespace is in the unit's (-want +got):\n%s", diff)
	}
	cases := map[string]struct {
		why  string
		name types.NamespacedName
		want bool
	}{
		"Expression":   {"it has one", at("apps", "a"), true},
		"SameName":     {"the one of the same name elsewhere has none", at("infra", "a"), false},
		"SecondOfTwo":  {"one of two entries about it has one", at("apps", "b"), true},
		"NoDependency": {"it is not depended on", at("apps", "c"), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := request.JudgesByExpression(u, tc.name); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
		})
	}
}

func TestSource(t *testing.T) {
	ref := kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "repo"}
	if got := request.Source(unit(kustomizev1.KustomizationSpec{SourceRef: ref})); got != "GitRepository/apps/repo" {
		t.Errorf("a source without namespace is in the unit's: %s", got)
	}
	ref.Namespace = "flux-system"
	if got := request.Source(unit(kustomizev1.KustomizationSpec{SourceRef: ref})); got != "GitRepository/flux-system/repo" {
		t.Errorf("got %s", got)
	}
}

func TestPublishesIndex(t *testing.T) {
	for kind, want := range map[string]bool{"GitRepository": true, "OCIRepository": true, "Bucket": true, "ExternalArtifact": false} {
		spec := kustomizev1.KustomizationSpec{SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: kind}}
		if got := request.PublishesIndex(unit(spec)); got != want {
			t.Errorf("%s: %v; anybody may write the status of an ExternalArtifact", kind, got)
		}
	}
}

func TestDeletes(t *testing.T) {
	cases := map[string]struct {
		why    string
		policy string
		prune  bool
		paused bool
		want   bool
	}{
		"MirrorsPrune":     {"the default does as prune says", "", true, false, true},
		"MirrorsNoPrune":   {"the default does as prune says", "", false, false, false},
		"Mirror":           {"named, it is the same", kustomizev1.DeletionPolicyMirrorPrune, true, false, true},
		"Delete":           {"whatever prune says", kustomizev1.DeletionPolicyDelete, false, false, true},
		"Wait":             {"waiting is deleting", kustomizev1.DeletionPolicyWaitForTermination, false, false, true},
		"Orphan":           {"whatever prune says", kustomizev1.DeletionPolicyOrphan, true, false, false},
		"SuspendedDelete":  {"a suspended unit deletes nothing", kustomizev1.DeletionPolicyDelete, true, true, false},
		"SuspendedMirrors": {"a suspended unit deletes nothing", "", true, true, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := unit(kustomizev1.KustomizationSpec{Prune: tc.prune, Suspend: tc.paused, DeletionPolicy: tc.policy})
			if got := request.Deletes(u); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
		})
	}
}
