package controller

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

func after(name, readyExpr string) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) {
		k.Spec.DependsOn = append(k.Spec.DependsOn, meta.DependencyReference{Name: name, ReadyExpr: readyExpr})
	}
}

func TestDependencyIsAwaited(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"base/a.yaml": r.manifest("a", "1"), "app/b.yaml": r.manifest("b", "1")})
	unit := r.unit("app", "./app", after("base", ""))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False DependencyNotReady"))
	g.Expect(r.Create(t.Context(), r.unit("base", "./base"))).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), "8s").Should(Equal(readyAt1), "it is woken, not polled every 30 s")
}

func TestReadyExpression(t *testing.T) {
	for name, tc := range map[string]struct {
		flags []string
		expr  string
		want  string
	}{
		"HoldsWithoutReady": {nil, "dep.metadata.labels['tier'] == self.metadata.labels['tier']", readyAt1},
		"DoesNotHold":       {nil, "dep.metadata.labels['tier'] == 'back'", "False DependencyNotReady"},
		"Additive":          {[]string{"--feature-gates=AdditiveCELDependencyCheck=true"}, "true", "False DependencyNotReady"},
		"DoesNotCompile":    {nil, "dep.metadata ==", "False InvalidCELExpression"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t, tc.flags...)
			r.publish(t, "1", map[string]string{"app/b.yaml": r.manifest("b", "1")})
			tier := func(k *kustomizev1.Kustomization) {
				if k.Labels == nil {
					k.Labels = map[string]string{}
				}
				k.Labels["tier"] = "front"
			}
			g.Expect(r.Create(t.Context(), r.unit("base", "./missing", tier))).To(Succeed())
			unit := r.unit("app", "./app", tier, after("base", tc.expr))
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(tc.want))
		})
	}
}

// TestExpressionIsAskedAtOnce says that whatever changes about a dependency wakes
// those that judge it by an expression.
func TestExpressionIsAskedAtOnce(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/b.yaml": r.manifest("b", "1")})
	base := r.unit("base", "./missing")
	g.Expect(r.Create(t.Context(), base)).To(Succeed())
	unit := r.unit("app", "./app", after("base", "has(dep.metadata.annotations) && 'go' in dep.metadata.annotations"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False DependencyNotReady"))
	g.Eventually(r.state(t.Context(), base), soon).Should(Equal("False ArtifactFailed"))
	r.ask(t, base, "go", "now")
	g.Eventually(r.state(t.Context(), unit), "5s").Should(Equal(readyAt1))
}

// TestCycleIsNamed says that units that wait for each other, or a unit that waits for itself, name the cycle and are not
// requeued in a loop.
func TestCycleIsNamed(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/b.yaml": r.manifest("b", "1")})
	one, two, self := r.unit("one", "./app", after("two", "")), r.unit("two", "./app", after("one", "")), r.unit("self", "./app", after("self", ""))
	for _, unit := range []*kustomizev1.Kustomization{one, two, self} {
		g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	}
	g.Eventually(r.state(t.Context(), one), soon).Should(HavePrefix("False DependencyNotReady"))
	g.Expect(message(one)).To(ContainSubstring(r.namespace + "/two"))
	g.Eventually(r.state(t.Context(), self), soon).Should(HavePrefix("False DependencyNotReady"))
	from := r.requests.end()
	g.Consistently(func() []string { return r.requests.about(r.namespace, from) }, "2s").Should(BeEmpty(), "a cycle is no loop")
}

// TestSuspendedUnitIsLeftAlone is incident handling: nothing is corrected, applied
// or deleted until the unit is resumed.
func TestSuspendedUnitIsLeftAlone(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	suspend := func(on bool) {
		before := client.MergeFrom(unit.DeepCopy())
		unit.Spec.Suspend = on
		g.Expect(r.Patch(t.Context(), unit, before)).To(Succeed())
	}
	suspend(true)
	r.edit(t, "a", "mine")
	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "2")})
	g.Consistently(r.value(t, "a"), "1500ms").Should(Equal("mine"))
	suspend(false)
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(r.value(t, "a")()).To(Equal("2"))
	g.Expect(status.IsTrue(unit.Status.Conditions, meta.ConditionStalled)).To(BeFalse())
}
