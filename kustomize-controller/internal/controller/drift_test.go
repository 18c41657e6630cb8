package controller

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

func drifting(mode meta.DriftMode) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) { k.Spec.DriftDetection = &kustomizev1.DriftDetection{Mode: mode} }
}

// edit changes an applied ConfigMap as somebody else.
func (r *rig) edit(t *testing.T, name, value string) {
	t.Helper()
	cm, err := r.configMap(t.Context(), name)
	if err == nil {
		cm.Data["value"] = value
		err = r.Update(t.Context(), cm, client.FieldOwner("kubectl-edit"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// drifted returns the condition, empty while there is none.
func (r *rig) drifted(t *testing.T, unit *kustomizev1.Kustomization) func() (metav1.Condition, error) {
	return func() (metav1.Condition, error) {
		_, err := r.state(t.Context(), unit)()
		if c := status.Find(unit.Status.Conditions, meta.ConditionDrifted); c != nil {
			return *c, err
		}
		return metav1.Condition{}, err
	}
}

func TestDriftIsReportedAndLeft(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "app/b.yaml": r.manifest("b", "1")})
	unit := r.unit("app", "./app", drifting(meta.DriftWarn))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))

	r.edit(t, "a", "mine")
	g.Eventually(r.drifted(t, unit), soon).Should(HaveField("Message",
		"Is not as it was applied, and is left so: ConfigMap/"+r.namespace+"/a was changed by kubectl-edit (.data.value)"))
	g.Expect(unit.Status.Drift).To(HaveLen(1))
	g.Expect(unit.Status.Drift[0].Manager).To(Equal("kubectl-edit"))
	g.Expect(unit.Status.Drift[0].Fields).To(Equal([]string{".data.value"}))
	g.Expect(unit.Status.Drift[0].Since.IsZero()).To(BeFalse())
	g.Eventually(r.events(t, "app"), soon).Should(ContainElement(HavePrefix("Warning DriftDetected")))
	g.Expect(r.value(t, "a")()).To(Equal("mine"))

	b, err := r.configMap(t.Context(), "b")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Delete(t.Context(), b)).To(Succeed())
	g.Eventually(r.drifted(t, unit), soon).Should(HaveField("Message", ContainSubstring("ConfigMap/"+r.namespace+"/b is gone")))
	_, err = r.configMap(t.Context(), "b")
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue())

	// Whoever puts it right ends the warning, and so does a new commit.
	r.edit(t, "a", "1")
	g.Eventually(r.drifted(t, unit), soon).Should(HaveField("Message", Not(ContainSubstring("/a "))))
	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "2"), "app/b.yaml": r.manifest("b", "2")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Eventually(r.drifted(t, unit), soon).Should(Equal(metav1.Condition{}))
	g.Expect(unit.Status.Drift).To(BeEmpty())
	g.Expect(r.value(t, "b")()).To(Equal("2"))
}

func TestDriftIsIgnoredWhenDisabled(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", drifting(meta.DriftDisabled))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	r.edit(t, "a", "mine")
	r.handle(t, g, unit, "look", false)
	g.Expect(r.value(t, "a")()).To(Equal("mine"))
	g.Expect(r.drifted(t, unit)()).To(Equal(metav1.Condition{}))
	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "2")})
	g.Eventually(r.value(t, "a"), soon).Should(Equal("2"))
}

// TestCorrectionNamesWhoWasCorrected says who, what and when in the event.
func TestCorrectionNamesWhoWasCorrected(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	r.edit(t, "a", "mine")
	g.Eventually(r.value(t, "a"), soon).Should(Equal("1"))
	g.Eventually(r.events(t, "app"), soon).Should(ContainElement(And(
		ContainSubstring("ConfigMap/"+r.namespace+"/a configured"),
		ContainSubstring("/a had been changed by kubectl-edit (.data.value) at 20"))))
}

func (r *rig) deployment(replicas, image string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: " + r.namespace + "}\n" +
		"spec:\n  replicas: " + replicas + "\n  selector: {matchLabels: {app: web}}\n  template:\n" +
		"    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: \"" + image + "\"}]}\n"
}

// TestIgnoredFieldsAreLeft says that spec.ignore leaves a field to whoever else
// sets it, also when the object is applied for another reason.
func TestIgnoredFieldsAreLeft(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/web.yaml": r.deployment("2", "web:1")})
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) {
		k.Spec.Ignore = []meta.IgnoreRule{{Paths: []string{"/spec/replicas"}, Target: &meta.Selector{Kind: "Deployment"}}}
	})
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	web := &appsv1.Deployment{ObjectMeta: r.object("web", nil)}
	read := func() (int32, error) {
		err := r.Get(t.Context(), client.ObjectKeyFromObject(web), web)
		return *web.Spec.Replicas, err
	}
	g.Expect(read()).To(Equal(int32(2)), "an object that is new has what the source says")

	*web.Spec.Replicas = 7
	g.Expect(r.Update(t.Context(), web, client.FieldOwner("autoscaler"))).To(Succeed())
	g.Consistently(read, "1500ms").Should(Equal(int32(7)))
	r.handle(t, g, unit, "look", false)
	g.Expect(read()).To(Equal(int32(7)))

	r.publish(t, "2", map[string]string{"app/web.yaml": r.deployment("2", "web:2")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(read()).To(Equal(int32(7)))
	g.Expect(web.Spec.Template.Spec.Containers[0].Image).To(Equal("web:2"))

	web.Spec.Template.Spec.Containers[0].Image = "web:mine"
	g.Expect(r.Update(t.Context(), web, client.FieldOwner("somebody"))).To(Succeed())
	g.Eventually(func() (string, error) {
		_, err := read()
		return web.Spec.Template.Spec.Containers[0].Image, err
	}, soon).Should(Equal("web:2"), "other fields are corrected")
	g.Expect(*web.Spec.Replicas).To(Equal(int32(7)))
}

func TestBadIgnoreRule(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) {
		k.Spec.Ignore = []meta.IgnoreRule{{Paths: []string{"spec.replicas"}}}
	})
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(HavePrefix("False ReconciliationFailed"))
	g.Expect(message(unit)).To(ContainSubstring("spec.ignore[0]"))
}
