package controller

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// tenant makes a ServiceAccount that may do everything with ConfigMaps of the
// test's namespace, and returns its binding.
func (r *rig) tenant(t *testing.T, name string) *rbacv1.RoleBinding {
	t.Helper()
	role := &rbacv1.Role{ObjectMeta: r.object(name, nil), Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"*"},
	}}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: r.object(name, nil),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: r.namespace, Name: name}},
	}
	for _, obj := range []client.Object{&corev1.ServiceAccount{ObjectMeta: r.object(name, nil)}, role, binding} {
		if err := r.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	return binding
}

func as(account string) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) { k.Spec.ServiceAccountName = account }
}

func (r *rig) serviceManifest(name string) string {
	return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: " + r.namespace + "}\nspec: {ports: [{port: 80}]}\n"
}

// TestTenantHasTheRightsOfItsServiceAccount says that a unit may do what its
// ServiceAccount may, and never what the controller may.
func TestTenantHasTheRightsOfItsServiceAccount(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.tenant(t, "tenant")
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "wide/svc.yaml": r.serviceManifest("svc")})
	may := r.unit("may", "./app", as("tenant"))
	mayNot := r.unit("may-not", "./wide", as("tenant"))
	nobody := r.unit("nobody", "./app", as("nobody"))
	for _, unit := range []*kustomizev1.Kustomization{may, mayNot, nobody} {
		g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	}
	g.Eventually(r.state(t.Context(), may), soon).Should(Equal(readyAt1))
	g.Eventually(r.state(t.Context(), mayNot), soon).Should(Equal("False ReconciliationFailed"))
	g.Expect(message(mayNot)).To(ContainSubstring(`User "system:serviceaccount:` + r.namespace + `:tenant" cannot patch resource "services"`))
	g.Eventually(r.state(t.Context(), nobody), soon).Should(Equal("False ReconciliationFailed"))
	g.Expect(message(nobody)).To(ContainSubstring(r.namespace + ":nobody"))
}

// TestTenantThatLosesItsRights says that rights which were taken away show at the
// next interval although nothing else changed.
func TestTenantThatLosesItsRights(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	binding := r.tenant(t, "tenant")
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", as("tenant"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.Delete(t.Context(), binding)).To(Succeed())
	g.Eventually(func() (string, error) {
		r.ask(t, unit, "reconcile.fluxcd.io/requestedAt", "again-"+unit.ResourceVersion)
		return r.state(t.Context(), unit)()
	}, soon, "300ms").Should(HavePrefix("False ReconciliationFailed"))
}

func TestDefaultServiceAccount(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--default-service-account=tenant")
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "wide/svc.yaml": r.serviceManifest("svc")})
	r.tenant(t, "tenant")
	may, mayNot := r.unit("may", "./app"), r.unit("may-not", "./wide")
	g.Expect(r.Create(t.Context(), may)).To(Succeed())
	g.Expect(r.Create(t.Context(), mayNot)).To(Succeed())
	g.Eventually(r.state(t.Context(), may), soon).Should(Equal(readyAt1))
	g.Eventually(r.state(t.Context(), mayNot), soon).Should(Equal("False ReconciliationFailed"))
}

// TestDeletionWithoutServiceAccount says that a unit whose ServiceAccount is gone
// does not block the deletion of its namespace, and leaves what it applied.
func TestDeletionWithoutServiceAccount(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.tenant(t, "tenant")
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", as("tenant"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.Delete(t.Context(), &corev1.ServiceAccount{ObjectMeta: r.object("tenant", nil)})).To(Succeed())
	g.Expect(r.Delete(t.Context(), unit)).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsNotFound(r.Get(t.Context(), client.ObjectKeyFromObject(unit), unit))
	}, soon).Should(BeTrue())
	_, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred(), "it is left")
	g.Eventually(r.events(t, "app"), soon).Should(ContainElement(And(
		HavePrefix("Warning PruneFailed"), ContainSubstring("ServiceAccount"), ContainSubstring("ConfigMap/"+r.namespace+"/a"))))
}

// events lists the events about a unit, as type, reason and message.
func (r *rig) events(t *testing.T, unit string) func() ([]string, error) {
	return func() ([]string, error) {
		list := &corev1.EventList{}
		if err := r.List(t.Context(), list, client.InNamespace(r.namespace)); err != nil {
			return nil, err
		}
		var out []string
		for _, e := range list.Items {
			if e.InvolvedObject.Name == unit {
				out = append(out, e.Type+" "+e.Reason+" "+e.Message)
			}
		}
		return out, nil
	}
}
