package env_test

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.Audit())) }

func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(types); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(config, client.Options{Scheme: types})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProductCRDsAreServed(t *testing.T) {
	c := newClient(t, testEnv.Config())
	var crds apiextensionsv1.CustomResourceDefinitionList
	if err := c.List(t.Context(), &crds); err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, crd := range crds.Items {
		for _, condition := range crd.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				served[crd.Name] = true
			}
		}
		if !served[crd.Name] {
			t.Errorf("%s is not established", crd.Name)
		}
	}
	for _, name := range []string{"gitrepositories.source.toolkit.fluxcd.io", "kustomizations.kustomize.toolkit.fluxcd.io"} {
		if !served[name] {
			t.Errorf("%s is not served", name)
		}
	}
}

func TestNamespaceIsOneOfItsOwn(t *testing.T) {
	c := newClient(t, testEnv.Config())
	t.Run("With_a name/that no.namespace may have, and that is longer than sixty-three characters", func(t *testing.T) {
		first, second := env.Namespace(t, c), env.Namespace(t, c)
		if first == second || !strings.HasPrefix(first, "testnamespaceisoneofitsown-with-a-name") {
			t.Errorf("got %s and %s", first, second)
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: first, Name: "one"}}
		if err := c.Create(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	})
}

func TestServiceAccountHasItsOwnRights(t *testing.T) {
	admin := newClient(t, testEnv.Config())
	namespace := env.Namespace(t, admin)
	config, err := testEnv.ServiceAccount(namespace, "sync")
	if err != nil {
		t.Fatal(err)
	}
	err = newClient(t, config).List(t.Context(), &corev1.SecretList{}, client.InNamespace(namespace))
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "system:serviceaccount:"+namespace+":sync") {
		t.Errorf("without a role: got %v, want forbidden, naming the ServiceAccount", err)
	}
	log, err := os.ReadFile(testEnv.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "system:serviceaccount:"+namespace+":sync") {
		t.Error("the audit log does not name the ServiceAccount")
	}
}

func TestStartNeedsTheCRDsItIsGiven(t *testing.T) {
	if started, err := env.Start(t.Context(), env.CRDs(t.TempDir()+"/missing")); err == nil {
		t.Errorf("started without the CustomResourceDefinitions: %v", started.Stop())
	}
}
