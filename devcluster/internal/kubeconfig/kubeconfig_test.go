package kubeconfig_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/devcluster/internal/kubeconfig"
)

func TestContextLeadsToClusterAndUser(t *testing.T) {
	content, err := kubeconfig.Marshal(kubeconfig.Config{
		Server: "https://127.0.0.1:1", CA: []byte("ca"), User: "system:serviceaccount:a:b", Cert: []byte("cert"), Key: []byte("key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Current  string `json:"current-context"`
		Clusters []struct {
			Name    string            `json:"name"`
			Cluster map[string]string `json:"cluster"`
		} `json:"clusters"`
		Contexts []struct {
			Name    string            `json:"name"`
			Context map[string]string `json:"context"`
		} `json:"contexts"`
		Users []struct {
			Name string            `json:"name"`
			User map[string]string `json:"user"`
		} `json:"users"`
	}
	if err := yaml.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Clusters) != 1 || len(got.Contexts) != 1 || len(got.Users) != 1 {
		t.Fatalf("got\n%s", content)
	}
	context := got.Contexts[0]
	if context.Name != got.Current || context.Context["cluster"] != got.Clusters[0].Name || context.Context["user"] != got.Users[0].Name {
		t.Errorf("names do not lead to one another:\n%s", content)
	}
	for what, values := range map[string][2]string{
		"server":      {got.Clusters[0].Cluster["server"], "https://127.0.0.1:1"},
		"authority":   {got.Clusters[0].Cluster["certificate-authority-data"], "Y2E="},
		"certificate": {got.Users[0].User["client-certificate-data"], "Y2VydA=="},
		"key":         {got.Users[0].User["client-key-data"], "a2V5"},
	} {
		if values[0] != values[1] {
			t.Errorf("%s: got %q, want %q", what, values[0], values[1])
		}
	}
}
