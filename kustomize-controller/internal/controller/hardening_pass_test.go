package controller

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// TestPanicConcernsOneUnit says that a panic in the pass of one unit ends neither the
// process nor the work on other units; the unit is not tried again in a loop, and is
// reconciled when the cause has passed.
func TestPanicConcernsOneUnit(t *testing.T) {
	for name, at := range map[string]string{
		"Finalizer": "PATCH /apis/kustomize.toolkit.fluxcd.io/v1/namespaces/NS/kustomizations/poison",
		"Status":    "PATCH /apis/kustomize.toolkit.fluxcd.io/v1/namespaces/NS/kustomizations/poison/status",
		"Snapshot":  "POST /api/v1/namespaces/NS/secrets",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			forced := strings.ReplaceAll(at, "NS", r.namespace)
			var panics atomic.Int32
			r.requests.tamper(func(req *http.Request) *http.Response {
				if req.Method+" "+req.URL.Path == forced {
					panics.Add(1)
					panic("forced by " + t.Name())
				}
				return nil
			})
			t.Cleanup(func() { r.requests.tamper(nil) })
			stays := r.manifest("stays", "1")
			r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "poison/p.yaml": r.manifest("p", "1"), "poison/s.yaml": stays})
			poison, unit := r.unit("poison", "./poison"), r.unit("app", "./app")
			g.Expect(r.Create(t.Context(), poison)).To(Succeed())
			if name == "Snapshot" {
				g.Eventually(r.state(t.Context(), poison), soon).Should(Equal(readyAt1))
			}
			r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "1"), "poison/s.yaml": stays})
			g.Eventually(panics.Load, soon).Should(BeNumerically(">", 0))
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
			g.Consistently(panics.Load, "1s").Should(BeNumerically("<", 20), "it is backed off")
			r.requests.tamper(nil)
			g.Eventually(r.state(t.Context(), poison), "40s").Should(Equal(readyAt2))
		})
	}
}

// TestSamePolicyOnEveryPath guards against a check that one controller makes and
// another one misses: whether a reference may leave its namespace does not depend on
// which shard reconciles the unit, and where it may not, nothing is read there.
func TestSamePolicyOnEveryPath(t *testing.T) {
	shards := map[string][]string{
		"Shard0": {"--no-cross-namespace-refs"}, "Shard1": {"--no-cross-namespace-refs", "--concurrent=2"},
		"Direct": {"--no-cross-namespace-refs", "--feature-gates=DirectSourceFetch=true"},
	}
	for name, flags := range shards {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t, flags...)
			r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
			own := func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Namespace = r.namespace }
			other := func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Namespace = "elsewhere" }
			dependsOnOther := func(k *kustomizev1.Kustomization) {
				after("base", "")(k)
				k.Spec.DependsOn[0].Namespace = "elsewhere"
			}
			dependsOnOwn := func(k *kustomizev1.Kustomization) {
				after("own", "")(k)
				k.Spec.DependsOn[0].Namespace = r.namespace
			}
			from := r.requests.end()
			for _, tc := range []struct {
				name   string
				change func(*kustomizev1.Kustomization)
				want   string
			}{
				{"own", own, readyAt1},
				{"depends-on-own", dependsOnOwn, readyAt1},
				{"other", other, "False AccessDenied"},
				{"depends-on-other", dependsOnOther, "False AccessDenied"},
			} {
				unit := r.unit(tc.name, "./app", tc.change)
				g.Expect(r.Create(t.Context(), unit)).To(Succeed())
				g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(tc.want), tc.name)
			}
			g.Expect(r.requests.about("elsewhere", from)).To(BeEmpty())
		})
	}
}
