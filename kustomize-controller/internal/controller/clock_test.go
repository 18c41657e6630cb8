package controller

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

// TestWallClockJumps says that while the wall time jumps by an hour, forward and back, intervals neither end early, which
// would be a busy loop, nor late.
func TestWallClockJumps(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--concurrent=3") // A controller of its own: the clock is for all of it.
	const interval = 2 * time.Second
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.Interval = meta.Duration(interval.String()) })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Eventually(func() int { return r.passes(t, unit.Name) }, soon).Should(BeNumerically(">", 0), "a pass is counted once it has ended")

	before, began := r.passes(t, unit.Name), time.Now()
	t.Cleanup(func() { r.clock.Set(0) })
	ahead := time.Hour
	for _, key := range []string{"first", "second", "third"} {
		ahead = -ahead
		r.clock.Set(ahead)
		// A field that kubectl added waits for the interval.
		a, err := r.configMap(t.Context(), "a")
		g.Expect(err).NotTo(HaveOccurred())
		a.Data[key] = "by hand"
		g.Expect(r.Update(t.Context(), a, client.FieldOwner("kubectl-edit"))).To(Succeed())
		g.Eventually(func() (map[string]string, error) {
			a, err := r.configMap(t.Context(), "a")
			return a.Data, err
		}, soon, "100ms").ShouldNot(HaveKey(key))
	}
	const perCorrection = 10
	intervals := int(time.Since(began)/interval) + 1
	g.Expect(r.passes(t, unit.Name) - before).To(BeNumerically("<=", 2*intervals+3*perCorrection))
	g.Expect(r.state(t.Context(), unit)()).To(Equal(readyAt1))
}

// passes returns how often a unit of the test's namespace was reconciled, as far as it is counted yet.
func (r *rig) passes(t *testing.T, name string) int {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "gotk_reconcile_duration_seconds" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range m.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if labels["name"] == name && labels["namespace"] == r.namespace {
				return int(m.GetHistogram().GetSampleCount()) //nolint:gosec // No test reconciles that often.
			}
		}
	}
	return 0
}
