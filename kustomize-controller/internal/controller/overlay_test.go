package controller

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// TestOverlayOfTheSpec says that every field of the spec that changes a build does.
func TestOverlayOfTheSpec(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	web := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: elsewhere}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n" +
		"  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: \"web:1\"}]}\n"
	r.publish(t, "1", map[string]string{
		"deploy/prod/kustomization.yaml": "resources: [web.yaml]\n",
		"deploy/prod/web.yaml":           web,
		"deploy/wide/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n" +
			"- patch: |-\n    - {op: replace, path: /spec/replicas, value: 5}\n  target: {kind: Deployment}\n",
	})
	unit := r.unit("app", "./deploy/prod", func(k *kustomizev1.Kustomization) {
		k.Spec.TargetNamespace, k.Spec.NamePrefix, k.Spec.NameSuffix = r.namespace, "pre-", "-post"
		k.Spec.CommonMetadata = &meta.CommonMetadata{Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"note": "ours"}}
		k.Spec.Patches = []meta.Patch{{
			Patch:  "- {op: add, path: /spec/minReadySeconds, value: 7}\n",
			Target: &meta.Selector{Kind: "Deployment", Name: "web"},
		}}
		k.Spec.Images = []meta.Image{{Name: "web", NewName: "registry.example.com/web", NewTag: "2"}}
		k.Spec.Components, k.Spec.IgnoreMissingComponents = []string{"../wide", "../absent"}, true
		k.Spec.BuildMetadata = []kustomizev1.BuildMetadataOption{kustomizev1.OriginAnnotations}
	})
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	got := &appsv1.Deployment{ObjectMeta: r.object("pre-web-post", nil)}
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(got), got)).To(Succeed())
	g.Expect(got.Labels).To(HaveKeyWithValue("team", "shop"))
	g.Expect(got.Annotations).To(And(HaveKeyWithValue("note", "ours"), HaveKeyWithValue("config.kubernetes.io/origin", ContainSubstring("path: web.yaml"))))
	g.Expect(got.Spec.MinReadySeconds).To(Equal(int32(7)))
	g.Expect(*got.Spec.Replicas).To(Equal(int32(5)))
	g.Expect(got.Spec.Template.Spec.Containers[0].Image).To(Equal("registry.example.com/web:2"))

	before := client.MergeFrom(unit.DeepCopy())
	unit.Spec.IgnoreMissingComponents = false
	g.Expect(r.Patch(t.Context(), unit, before)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(HavePrefix("False BuildFailed"))
	g.Expect(message(unit)).To(ContainSubstring("absent"))
}

// TestDurations says that a failed unit is tried again at the retry interval, and
// that a duration that cannot be parsed stalls the unit it is in and no other: one
// bad object does not stop the work on its kind.
func TestDurations(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.serviceManifest("svc")})
	r.tenant(t, "tenant")
	unit := r.unit("app", "./app", as("tenant"), func(k *kustomizev1.Kustomization) { k.Spec.RetryInterval = "1s" })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed"))
	role := &rbacv1.Role{ObjectMeta: r.object("tenant", nil)}
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(role), role)).To(Succeed())
	role.Rules[0].Resources = append(role.Rules[0].Resources, "services")
	g.Expect(r.Update(t.Context(), role)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1), "nothing but the retry shows that the right was granted")

	bad := r.unit("bad", "./late", func(k *kustomizev1.Kustomization) { k.Spec.Interval = "99999999h" })
	g.Expect(r.Create(t.Context(), bad)).To(Succeed())
	g.Eventually(func() (bool, error) {
		_, err := r.state(t.Context(), bad)()
		return status.IsTrue(bad.Status.Conditions, meta.ConditionStalled), err
	}, soon).Should(BeTrue())
	g.Expect(message(bad)).To(ContainSubstring("spec.interval"))
}
