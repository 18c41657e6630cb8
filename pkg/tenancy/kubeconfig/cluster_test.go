package kubeconfig_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/pkg/tenancy"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

// credentialVariable makes the test binary a program that prints a credential.
const credentialVariable = "KUBECONFIG_TEST_CREDENTIAL"

var testEnv *env.Env

func TestMain(m *testing.M) {
	if credential := os.Getenv(credentialVariable); credential != "" {
		fmt.Println(credential)
		os.Exit(0)
	}
	os.Exit(env.Main(m, &testEnv, env.NoCRDs()))
}

func whoAmI(t *testing.T, config *rest.Config) authenticationv1.UserInfo {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	review := &authenticationv1.SelfSubjectReview{}
	if err := c.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	slices.Sort(review.Status.UserInfo.Groups)
	return review.Status.UserInfo
}

// TestCluster reaches a real API server by a kubeconfig with a client
// certificate, as its user and as a ServiceAccount that the user may impersonate.
func TestCluster(t *testing.T) {
	home := testEnv.Config()
	target := parse(t, config(func(_ *api.Config, c *api.Cluster, u *api.AuthInfo) {
		c.Server, c.CertificateAuthorityData = home.Host, home.CAData
		*u = api.AuthInfo{ClientCertificateData: home.CertData, ClientKeyData: home.KeyData}
	}), kubeconfig.Options{})
	own, err := tenancy.Config(target.Config(), tenancy.Controller())
	if err != nil {
		t.Fatal(err)
	}
	if got := whoAmI(t, own).Username; got != "tester" {
		t.Errorf("the kubeconfig's user is %s", got)
	}
	id, err := tenancy.ServiceAccount("apps", "deployer")
	if err != nil {
		t.Fatal(err)
	}
	impersonated, err := tenancy.Config(target.Config(), id)
	if err != nil {
		t.Fatal(err)
	}
	got := whoAmI(t, impersonated)
	want := authenticationv1.UserInfo{
		Username: "system:serviceaccount:apps:deployer",
		Groups:   []string{"system:authenticated", "system:serviceaccounts", "system:serviceaccounts:apps"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("impersonated on the remote cluster (-want +got):\n%s", diff)
	}
}

// TestShellText guards against commands in a kubeconfig: what looks like a command is a token that nobody knows.
func TestShellText(t *testing.T) {
	home := testEnv.Config()
	canary := path.Join(t.TempDir(), "canary")
	target := parse(t, config(func(_ *api.Config, c *api.Cluster, u *api.AuthInfo) {
		c.Server, c.CertificateAuthorityData = home.Host, home.CAData
		u.Token = `" || touch ` + canary + ` #`
	}), kubeconfig.Options{})
	clientset, err := kubernetes.NewForConfig(target.Config())
	if err != nil {
		t.Fatal(err)
	}
	_, err = clientset.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsUnauthorized(err) || strings.Contains(err.Error(), "touch") {
		t.Errorf("got %v, want an error that says that nobody knows the token", err)
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("a program was started")
	}
}

// TestExec shows that an allowed program is started, and answers.
func TestExec(t *testing.T) {
	home := testEnv.Config()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	credential, err := json.Marshal(map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
		"status": map[string]any{"clientCertificateData": string(home.CertData), "clientKeyData": string(home.KeyData)},
	})
	if err != nil {
		t.Fatal(err)
	}
	target := parse(t, config(func(_ *api.Config, c *api.Cluster, u *api.AuthInfo) {
		c.Server, c.CertificateAuthorityData = home.Host, home.CAData
		*u = api.AuthInfo{Exec: &api.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1", Command: self, InteractiveMode: api.IfAvailableExecInteractiveMode,
			Env: []api.ExecEnvVar{{Name: credentialVariable, Value: string(credential)}},
		}}
	}), kubeconfig.Options{AllowExec: true})
	if got := whoAmI(t, target.Config()).Username; got != "tester" {
		t.Errorf("the program's user is %s", got)
	}
}
