package controller

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// TestFinalizationInEveryOrderOfLoss guards against a unit that can never be deleted:
// what it needs to delete its objects is gone, and the unit is gone soon after, or
// says what it waits for.
func TestFinalizationInEveryOrderOfLoss(t *testing.T) {
	for name, tc := range map[string]struct {
		account string
		lose    func(t *testing.T, g *WithT, r *rig)
		left    bool
	}{
		"Definition": {"", func(t *testing.T, g *WithT, r *rig) {
			_, definition, _ := gadgets(r, "lost")
			g.Expect(r.Delete(t.Context(), definition)).To(Succeed())
		}, false},
		"Source": {"", func(t *testing.T, _ *WithT, r *rig) { r.removeSource(t) }, false},
		"Namespace": {"", func(t *testing.T, g *WithT, r *rig) {
			ns := &corev1.Namespace{}
			g.Expect(r.Get(t.Context(), client.ObjectKey{Name: r.namespace}, ns)).To(Succeed())
			g.Expect(r.Delete(t.Context(), ns)).To(Succeed())
		}, false},
		"ServiceAccount": {"tenant", func(t *testing.T, g *WithT, r *rig) {
			g.Expect(r.Delete(t.Context(), &corev1.ServiceAccount{ObjectMeta: r.object("tenant", nil)})).To(Succeed())
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			files := map[string]string{}
			if name == "Definition" {
				files, _, _ = gadgets(r, "lost")
			}
			files["app/a.yaml"] = r.manifest("a", "1")
			if tc.account != "" {
				r.tenant(t, tc.account)
			}
			r.publish(t, "1", files)
			unit := r.unit("app", "./app", as(tc.account), func(k *kustomizev1.Kustomization) { k.Spec.Timeout, k.Spec.RetryInterval = "5s", "1s" })
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
			tc.lose(t, g, r)
			g.Expect(client.IgnoreNotFound(r.Delete(t.Context(), unit))).To(Succeed())
			g.Eventually(func() (string, error) {
				err := r.Get(t.Context(), client.ObjectKeyFromObject(unit), unit)
				if apierrors.IsNotFound(err) {
					return "gone", nil
				}
				return message(unit), err
			}, soon).Should(Equal("gone"))
			g.Expect(r.gone(t, "a")).To(Equal(!tc.left))
		})
	}
}

// TestFinalizationWithoutRights says that a deleted unit whose rights were taken away
// says who may not do what, and is gone once the rights are back.
func TestFinalizationWithoutRights(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	binding := r.tenant(t, "tenant")
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", as("tenant"), func(k *kustomizev1.Kustomization) { k.Spec.Timeout, k.Spec.RetryInterval = "5s", "1s" })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.Delete(t.Context(), binding)).To(Succeed())
	g.Eventually(func() error { return r.mayNot(t, "tenant") }, soon).Should(Succeed())
	g.Expect(r.Delete(t.Context(), unit)).To(Succeed())
	g.Eventually(func() (string, error) {
		_, err := r.state(t.Context(), unit)()
		return message(unit), err
	}, soon).Should(And(ContainSubstring(r.namespace+":tenant"), ContainSubstring("configmaps")))
	g.Expect(r.gone(t, "a")).To(BeFalse())
	binding.ResourceVersion = ""
	g.Expect(r.Create(t.Context(), binding)).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsNotFound(r.Get(t.Context(), client.ObjectKeyFromObject(unit), unit))
	}, soon).Should(BeTrue())
	g.Expect(r.gone(t, "a")).To(BeTrue())
}

// mayNot returns nil once a ServiceAccount of the test may not delete ConfigMaps.
func (r *rig) mayNot(t *testing.T, account string) error {
	t.Helper()
	config := testEnv.Config()
	config.Impersonate.UserName = "system:serviceaccount:" + r.namespace + ":" + account
	c, err := client.New(config, client.Options{Scheme: r.Scheme()})
	if err != nil {
		return err
	}
	if err := c.Delete(t.Context(), &corev1.ConfigMap{ObjectMeta: r.object("none", nil)}); !apierrors.IsForbidden(err) {
		return fmt.Errorf("not forbidden yet: %w", err)
	}
	return nil
}
