package controller

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

// breakApply lets every apply of the ConfigMap "broken" fail that is no dry-run.
func (r *rig) breakApply(t *testing.T) {
	t.Helper()
	path := "/api/v1/namespaces/" + r.namespace + "/configmaps/broken"
	r.requests.tamper(func(req *http.Request) *http.Response {
		if req.Method != http.MethodPatch || req.URL.Path != path || req.URL.Query().Has("dryRun") {
			return nil
		}
		return &http.Response{
			StatusCode: http.StatusForbidden, Request: req, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"denied by the test","code":403}`)),
		}
	})
	t.Cleanup(func() { r.requests.tamper(nil) })
}

func retriedOften(k *kustomizev1.Kustomization) {
	k.Spec.RetryInterval = "1s"
}

// failingUnit is a unit one of whose objects can never be applied. It has applied
// the others and is tried again all the time.
func (r *rig) failingUnit(t *testing.T, g *WithT, change ...func(*kustomizev1.Kustomization)) *kustomizev1.Kustomization {
	t.Helper()
	r.breakApply(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "app/broken.yaml": r.manifest("broken", "1")})
	unit := r.unit("app", "./app", append(change, retriedOften)...)
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(HavePrefix("False ReconciliationFailed"))
	g.Eventually(r.value(t, "a"), soon).Should(Equal("1"))
	return unit
}

// TestFightBesideAFailingObject checks that a unit which always fails backs off from
// a fight like any other: its retries are no new intervals.
func TestFightBesideAFailingObject(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	unit := r.failingUnit(t, g)

	first := r.requests.end()
	end := time.Now().Add(4 * time.Second)
	g.Eventually(func() (bool, error) {
		a, err := r.configMap(t.Context(), "a")
		if err != nil {
			return false, err
		}
		if a.Data["value"] == "1" {
			a.Data["value"] = "mine"
			err = r.Update(t.Context(), a, client.FieldOwner("rogue"))
		}
		return time.Now().After(end), err
	}, soon, "20ms").Should(BeTrue())
	corrections := 0
	for _, line := range r.requests.about(r.namespace, first) {
		if strings.Contains(line, "/configmaps/a?") && strings.HasPrefix(line, "PATCH") && !strings.Contains(line, "dryRun") {
			corrections++
		}
	}
	// At once, after 1 s, and after 2 s more.
	g.Expect(corrections).To(And(BeNumerically(">=", 2), BeNumerically("<=", 4)))
	g.Eventually(r.drifted(t, unit), soon).Should(HaveField("Message", ContainSubstring("ConfigMap/"+r.namespace+"/a by rogue")))
}

// TestDriftBesideAFailingObject checks that drift which is left is reported once,
// although the unit is tried again and again.
func TestDriftBesideAFailingObject(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	unit := r.failingUnit(t, g, drifting(meta.DriftWarn))

	r.edit(t, "a", "mine")
	g.Eventually(r.drifted(t, unit), soon).Should(HaveField("Message", ContainSubstring("/a was changed by kubectl-edit")))
	since := unit.Status.Drift[0].Since
	passes := r.passes(t, unit.Name)
	g.Eventually(func() int { return r.passes(t, unit.Name) }, soon).Should(BeNumerically(">=", passes+4))
	reported := 0
	events, err := r.events(t, unit.Name)()
	g.Expect(err).NotTo(HaveOccurred())
	for _, event := range events {
		if strings.HasPrefix(event, "Warning DriftDetected") {
			reported++
		}
	}
	g.Expect(reported).To(Equal(1))
	g.Expect(r.drifted(t, unit)()).To(HaveField("Message", ContainSubstring("/a was changed by kubectl-edit")))
	g.Expect(unit.Status.Drift[0].Since).To(Equal(since))
	g.Expect(r.value(t, "a")()).To(Equal("mine"))
}
