package controller

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

// second is another cluster, started by the first test that asks for it.
var second struct {
	sync.Mutex
	*env.Env
}

func elsewhere() (*env.Env, error) {
	second.Lock()
	defer second.Unlock()
	var err error
	if second.Env == nil {
		second.Env, err = env.Start(context.Background(), env.NoCRDs())
	}
	return second.Env, err
}

// stopElsewhere ends the other cluster and returns the exit code of the tests.
func stopElsewhere(code int) int {
	if second.Env == nil {
		return code
	}
	if err := second.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// remoteCluster returns a client of the second cluster, with a namespace there
// that is named as the test's.
func (r *rig) remoteCluster(t *testing.T) (client.Client, *rest.Config) {
	t.Helper()
	second, err := elsewhere()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(second.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.namespace}}); err != nil {
		t.Fatal(err)
	}
	return c, second.Config()
}

// kubeconfigOf writes how a cluster is reached.
func kubeconfigOf(t *testing.T, c *rest.Config) []byte {
	t.Helper()
	text, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: c.Host, CertificateAuthorityData: c.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {ClientCertificateData: c.CertData, ClientKeyData: c.KeyData, Token: c.BearerToken}},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func reachedBy(secret, key string) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) {
		k.Spec.KubeConfig = &meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: secret, Key: key}}
	}
}

func TestRemoteCluster(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	there, config := r.remoteCluster(t)
	g.Expect(r.Create(t.Context(), &corev1.Secret{ObjectMeta: r.object("there", nil), Data: map[string][]byte{"config": kubeconfigOf(t, config)}})).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", reachedBy("there", "config"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	cm := &corev1.ConfigMap{ObjectMeta: r.object("a", nil)}
	value := func() (string, error) {
		err := there.Get(t.Context(), client.ObjectKeyFromObject(cm), cm)
		return cm.Data["value"], err
	}
	g.Expect(value()).To(Equal("1"))
	_, err := r.configMap(t.Context(), "a")
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "nothing is applied here")

	// Drift is corrected there as it is here.
	cm.Data["value"] = "mine"
	g.Expect(there.Update(t.Context(), cm, client.FieldOwner("somebody"))).To(Succeed())
	g.Eventually(value, soon).Should(Equal("1"))

	// Deletion reaches there too.
	g.Expect(r.Delete(t.Context(), unit)).To(Succeed())
	g.Eventually(func() bool { _, err := value(); return apierrors.IsNotFound(err) }, soon).Should(BeTrue())
}

// TestRemoteClusterAsTenant says that the ServiceAccount counts there, not here.
func TestRemoteClusterAsTenant(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	_, config := r.remoteCluster(t)
	r.tenant(t, "tenant") // has its rights here only
	g.Expect(r.Create(t.Context(), &corev1.Secret{ObjectMeta: r.object("there", nil), Data: map[string][]byte{"value": kubeconfigOf(t, config)}})).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", reachedBy("there", ""), as("tenant"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed"))
	g.Expect(message(unit)).To(ContainSubstring(`User "system:serviceaccount:` + r.namespace + `:tenant" cannot patch`))
}

// TestHostileKubeconfig guards against a kubeconfig that starts a program, reads a
// file of the controller or reaches into its network: it is refused by the name of
// the field.
func TestHostileKubeconfig(t *testing.T) {
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	for name, tc := range map[string]struct {
		text string
		want string
	}{
		"token-file": {"apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{name: c, cluster: {server: \"https://127.0.0.1:1\"}}]\n" +
			"users: [{name: u, user: {tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n", "tokenFile"},
		"not-yaml": {"{{canary-73", "kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(r.Create(t.Context(), &corev1.Secret{ObjectMeta: r.object(name, nil), StringData: map[string]string{"value": tc.text}})).To(Succeed())
			unit := r.unit(name, "./app", reachedBy(name, ""))
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed"))
			g.Expect(message(unit)).To(And(ContainSubstring(tc.want), ContainSubstring("spec.kubeConfig.secretRef"), Not(ContainSubstring("canary"))))
		})
	}
}

// TestDeletionWithoutKubeconfig says that a unit can be deleted although nothing says
// any more how to reach its cluster.
func TestDeletionWithoutKubeconfig(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	_, config := r.remoteCluster(t)
	secret := &corev1.Secret{ObjectMeta: r.object("there", nil), Data: map[string][]byte{"value": kubeconfigOf(t, config)}}
	g.Expect(r.Create(t.Context(), secret)).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", reachedBy("there", ""))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.Delete(t.Context(), secret)).To(Succeed())
	g.Expect(r.Delete(t.Context(), unit)).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsNotFound(r.Get(t.Context(), client.ObjectKeyFromObject(unit), unit))
	}, soon).Should(BeTrue())
	g.Eventually(r.events(t, "app"), soon).Should(ContainElement(And(HavePrefix("Warning PruneFailed"), ContainSubstring("/a"))))
}
