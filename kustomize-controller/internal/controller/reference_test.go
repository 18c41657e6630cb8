package controller

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

// variable is a manifest whose value is substituted.
func (r *rig) variable(name, expression string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {value: \"%s\"}\n", name, r.namespace, expression)
}

// substituted has a unit substitute what the references hold.
func substituted(refs ...kustomizev1.SubstituteReference) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) { k.Spec.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: refs} }
}

// value reads what was applied.
func (r *rig) value(t *testing.T, name string) func() (string, error) {
	return func() (string, error) {
		cm, err := r.configMap(t.Context(), name)
		return cm.Data["value"], err
	}
}

func (r *rig) object(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: r.namespace, Name: name, Labels: labels}
}

// wakes is the label of objects whose changes wake those who refer to them.
var wakes = map[string]string{meta.LabelWatch: meta.WatchEnabled}

func TestVariablesFromConfigMapsAndSecrets(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	vars := &corev1.ConfigMap{ObjectMeta: r.object("vars", wakes), Data: map[string]string{"A": "from the map", "B": "hidden"}}
	secret := &corev1.Secret{ObjectMeta: r.object("more", wakes), Data: map[string][]byte{"B": []byte("from the\n secret"), "C": []byte("hidden")}}
	g.Expect(r.Create(t.Context(), vars)).To(Succeed())
	g.Expect(r.Create(t.Context(), secret)).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.variable("a", "${A}, ${B}, ${C}")})
	unit := r.unit("app", "./app", substituted(
		kustomizev1.SubstituteReference{Kind: "ConfigMap", Name: "vars"},
		kustomizev1.SubstituteReference{Kind: "Secret", Name: "more"},
		kustomizev1.SubstituteReference{Kind: "ConfigMap", Name: "absent", Optional: true},
	), func(k *kustomizev1.Kustomization) {
		k.Spec.PostBuild.Substitute = map[string]string{"C": "from the spec"}
	})
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.value(t, "a")()).To(Equal("from the map, from the secret, from the spec"))

	// A change of a labelled object is applied at once.
	before := client.MergeFrom(vars.DeepCopy())
	vars.Data["A"] = "from another map"
	g.Expect(r.Patch(t.Context(), vars, before)).To(Succeed())
	g.Eventually(r.value(t, "a"), soon).Should(Equal("from another map, from the secret, from the spec"))

	// So is an optional one that appears, whatever its labels.
	late := &corev1.ConfigMap{ObjectMeta: r.object("absent", nil), Data: map[string]string{"B": "from the late one"}}
	g.Expect(r.Create(t.Context(), late)).To(Succeed())
	g.Eventually(r.value(t, "a"), soon).Should(Equal("from another map, from the late one, from the spec"))
}

func TestUnlabelledReferenceCountsAtTheNextPass(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	vars := &corev1.ConfigMap{ObjectMeta: r.object("vars", nil), Data: map[string]string{"A": "one"}}
	g.Expect(r.Create(t.Context(), vars)).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.variable("a", "${A}")})
	unit := r.unit("app", "./app", substituted(kustomizev1.SubstituteReference{Kind: "ConfigMap", Name: "vars"}))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	from := r.requests.end()

	before := client.MergeFrom(vars.DeepCopy())
	vars.Data["A"] = "two"
	g.Expect(r.Patch(t.Context(), vars, before)).To(Succeed())
	g.Consistently(func() []string { return r.requests.about(r.namespace, from) }, "1s").Should(BeEmpty())
	r.handle(t, g, unit, "now", false)
	g.Expect(r.value(t, "a")()).To(Equal("two"))
}

// TestRequestWithReferencesReadsNone is S14: what did not change is not read
// again, however many refer to it.
func TestRequestWithReferencesReadsNone(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	vars := &corev1.ConfigMap{ObjectMeta: r.object("vars", wakes), Data: map[string]string{"A": "one"}}
	g.Expect(r.Create(t.Context(), vars)).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.variable("a", "${A}")})
	unit := r.unit("app", "./app", substituted(kustomizev1.SubstituteReference{Kind: "ConfigMap", Name: "vars"}))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	from := r.requests.end()
	r.handle(t, g, unit, "look", false)
	g.Expect(r.requests.about(r.namespace, from)).To(HaveLen(1), "the status write alone")
}

func TestMissingReferenceFailsTheBuild(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.variable("a", "${A}")})
	unit := r.unit("app", "./app", substituted(kustomizev1.SubstituteReference{Kind: "Secret", Name: "vars"}))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False BuildFailed"))
	g.Expect(message(unit)).To(ContainSubstring("spec.postBuild.substituteFrom[0]: Secret " + r.namespace + "/vars: it does not exist"))

	g.Expect(r.Create(t.Context(), &corev1.Secret{ObjectMeta: r.object("vars", nil), StringData: map[string]string{"A": "one"}})).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1), "it is woken by what it waits for")
}

// TestBadVariableName says that a key of a referenced object that is no name of a
// variable fails the build, and that its value is not shown.
func TestBadVariableName(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	g.Expect(r.Create(t.Context(), &corev1.Secret{ObjectMeta: r.object("vars", nil), StringData: map[string]string{"not-a-name": "canary-71"}})).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", substituted(kustomizev1.SubstituteReference{Kind: "Secret", Name: "vars"}))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False BuildFailed"))
	g.Expect(message(unit)).To(And(ContainSubstring("not-a-name"), Not(ContainSubstring("canary-71"))))
}

// TestRefusedValueOfASecretIsNotShown says that no value of a Secret is in a message:
// the API server quotes what it refuses, and what it refuses may come from a Secret.
func TestRefusedValueOfASecretIsNotShown(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	g.Expect(r.Create(t.Context(), &corev1.Secret{ObjectMeta: r.object("vars", nil), StringData: map[string]string{"PORT": "canary72"}})).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": fmt.Sprintf(
		"apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: %s}\nspec: {ports: [{port: 80, targetPort: \"${PORT}-/\"}]}\n", r.namespace)})
	unit := r.unit("app", "./app", substituted(kustomizev1.SubstituteReference{Kind: "Secret", Name: "vars"}))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed"))
	g.Expect(message(unit)).To(And(ContainSubstring("Service/"+r.namespace+"/a dry-run failed (Invalid)"), Not(ContainSubstring("canary72"))))
}

func TestStrictSubstitution(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.variable("a", "${MISSING}${GIVEN}")})
	given := func(k *kustomizev1.Kustomization) {
		k.Spec.PostBuild = &kustomizev1.PostBuild{Substitute: map[string]string{"GIVEN": "given"}}
	}
	unit := r.unit("app", "./app", given)
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False BuildFailed"))
	g.Expect(message(unit)).To(ContainSubstring(`variable not set (strict mode): "MISSING"`))

	lax := newRig(t, "--feature-gates=StrictPostBuildSubstitutions=false")
	lax.publish(t, "1", map[string]string{"app/a.yaml": lax.variable("a", "${MISSING}${GIVEN}")})
	unit = lax.unit("app", "./app", given)
	g.Expect(lax.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(lax.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(lax.value(t, "a")()).To(Equal("given"))
}

// TestSubstituteStrategy says that without a variable nothing is substituted,
// unless the spec asks for it always.
func TestSubstituteStrategy(t *testing.T) {
	for strategy, want := range map[string]string{"": "$${A}", kustomizev1.SubstituteAlways: "${A}"} {
		t.Run("strategy "+strategy, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			r.publish(t, "1", map[string]string{"app/a.yaml": r.variable("a", "$${A}")})
			unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) {
				k.Spec.PostBuild = &kustomizev1.PostBuild{SubstituteStrategy: strategy}
			})
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
			g.Expect(r.value(t, "a")()).To(Equal(want))
		})
	}
}

func TestConfigWatchersCanBeSwitchedOff(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--feature-gates=DisableConfigWatchers=true")
	vars := &corev1.ConfigMap{ObjectMeta: r.object("vars", wakes), Data: map[string]string{"A": "one"}}
	g.Expect(r.Create(t.Context(), vars)).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.variable("a", "${A}")})
	unit := r.unit("app", "./app", substituted(kustomizev1.SubstituteReference{Kind: "ConfigMap", Name: "vars"}))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	before := client.MergeFrom(vars.DeepCopy())
	vars.Data["A"] = "two"
	g.Expect(r.Patch(t.Context(), vars, before)).To(Succeed())
	g.Consistently(r.value(t, "a"), "1s").Should(Equal("one"))
}
