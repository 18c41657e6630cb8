package kubeconfig_test

import (
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// FuzzParse holds what is true of every kubeconfig: it is a target without a
// program, a file or another identity, or a short error with a class.
func FuzzParse(f *testing.F) {
	for _, change := range []func(*api.Config, *api.Cluster, *api.AuthInfo){
		nil,
		func(_ *api.Config, _ *api.Cluster, u *api.AuthInfo) { u.Exec = &api.ExecConfig{Command: "touch"} },
		func(_ *api.Config, _ *api.Cluster, u *api.AuthInfo) {
			u.TokenFile, u.Impersonate = "/etc/passwd", "admin"
		},
		func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) { c.ProxyURL = "http://[::1]:1" },
	} {
		content, err := clientcmd.Write(*config(change))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		target, err := kubeconfig.Parse(content, kubeconfig.Options{})
		if err != nil {
			if text := err.Error(); len(text) > 4096 || !strings.HasPrefix(text, "reading the kubeconfig") || fault.Of(err).Class != fault.ClassRetry {
				t.Errorf("error %.200q", text)
			}
			return
		}
		got := target.Config()
		if got.ExecProvider != nil || got.AuthProvider != nil || got.BearerTokenFile != "" || got.Impersonate.UserName != "" || got.Insecure {
			t.Errorf("a target that may do what it may not: %s", target)
		}
		target.Close()
	})
}
