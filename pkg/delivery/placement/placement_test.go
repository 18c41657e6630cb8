package placement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/delivery/placement"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
)

func TestReference(t *testing.T) {
	cases := map[string]struct {
		why  string
		ref  meta.KubeConfigReference
		want reference.Reference
		// cluster is the name under which units of one cluster share what is known of it.
		cluster string
	}{
		"Secret": {
			"a kubeconfig", meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: "east"}},
			reference.Reference{Field: "spec.kubeConfig.secretRef", Kind: "Secret", Namespace: "apps", Name: "east"}, "Secret/apps/east",
		},
		"SecretKey": {
			"another key of a Secret is another cluster",
			meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: "east", Key: "two"}},
			reference.Reference{Field: "spec.kubeConfig.secretRef", Kind: "Secret", Namespace: "apps", Name: "east"}, "Secret/apps/east/two",
		},
		"ConfigMap": {
			"a workload identity", meta.KubeConfigReference{ConfigMapRef: &meta.LocalObjectReference{Name: "east"}},
			reference.Reference{Field: "spec.kubeConfig.configMapRef", Kind: "ConfigMap", Namespace: "apps", Name: "east"}, "ConfigMap/apps/east",
		},
		"Neither": {
			"the schema asks for one; without a schema nothing is found, and nothing panics", meta.KubeConfigReference{},
			reference.Reference{Field: "spec.kubeConfig.secretRef", Kind: "Secret"}, "Secret//",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, placement.Reference("apps", &tc.ref)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if got := placement.Key("apps", &tc.ref); got != tc.cluster {
				t.Errorf("%s: cluster %q, want %q", tc.why, got, tc.cluster)
			}
		})
	}
	if got := placement.Key("apps", nil); got != "" {
		t.Errorf("without a kubeconfig it is the controller's cluster, not %q", got)
	}
}
