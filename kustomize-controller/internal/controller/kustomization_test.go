package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

const (
	readyAt1 = "True ReconciliationSucceeded main@sha1:1"
	readyAt2 = "True ReconciliationSucceeded main@sha1:2"
)

func TestKustomizationAppliesPrunesAndAdvances(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "app/b.yaml": r.manifest("b", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(unit.Status.Inventory.Entries).To(HaveLen(2))
	g.Expect(unit.Status.Inventory.Entries[0].Ledger).To(HaveLen(16))
	g.Expect(unit.Status.Inventory.Inputs).NotTo(BeEmpty())
	g.Expect(unit.Status.History).To(HaveLen(1))
	a, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.Labels).To(HaveKeyWithValue(kustomizev1.LabelName, "app"))

	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "2")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	a, err = r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.Data).To(HaveKeyWithValue("value", "2"))
	_, err = r.configMap(t.Context(), "b")
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue())
	g.Expect(unit.Status.Inventory.Entries).To(HaveLen(1))
}

func TestRevisionThatDoesNotConcernAUnitCostsOneStatusRequest(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "else/x.yaml": "a: 1\n"})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))

	from := r.requests.end()
	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "1"), "else/x.yaml": "a: 2\n"})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(r.requests.about(r.namespace, from)).To(HaveLen(1))
}

func TestEditByHandIsCorrectedThoughTheIntervalIsAnHour(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))

	a, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())
	from := r.requests.end()
	a.Data["value"] = "edited"
	g.Expect(r.Update(t.Context(), a, client.FieldOwner("somebody"))).To(Succeed())
	g.Eventually(func() (string, error) {
		a, err := r.configMap(t.Context(), "a")
		return a.Data["value"], err
	}, soon).Should(Equal("1"))
	g.Eventually(func() []string { return r.requests.about(r.namespace, from) }, soon).Should(HaveLen(2), "one apply and one status write")

	g.Expect(r.Delete(t.Context(), a)).To(Succeed())
	g.Eventually(func() error {
		_, err := r.configMap(t.Context(), "a")
		return err
	}, soon).Should(Succeed())
}

// TestFightIsReportedAndSlowedDown says that the other writer is named, with the field, and that corrections become rare.
func TestFightIsReportedAndSlowedDown(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))

	from := r.requests.end()
	rival := func(ctx context.Context) error {
		a, err := r.configMap(ctx, "a")
		if err != nil || a.Data["value"] != "1" {
			return err
		}
		a.Data["value"] = "mine"
		return client.IgnoreNotFound(r.Update(ctx, a, client.FieldOwner("rogue")))
	}
	g.Eventually(func() (string, error) {
		if err := rival(t.Context()); err != nil {
			return "", err
		}
		_, err := r.state(t.Context(), unit)()
		if c := status.Find(unit.Status.Conditions, meta.ConditionDrifted); c != nil {
			return c.Message, err
		}
		return "", err
	}, soon, "20ms").Should(ContainSubstring("ConfigMap/" + r.namespace + "/a by rogue (.data.value"))
	var applies int
	for _, line := range r.requests.about(r.namespace, from) {
		if strings.Contains(line, "/configmaps/a?") && strings.HasPrefix(line, "PATCH") {
			applies++
		}
	}
	g.Expect(applies).To(BeNumerically("<=", 4))
	g.Expect(status.IsTrue(unit.Status.Conditions, meta.ConditionReady)).To(BeTrue())
}

func TestEmptyBuildIsHeldUntilConsent(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))

	r.publish(t, "2", map[string]string{"app/README.md": "nothing here\n"})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False PruneFailed main@sha1:1"))
	g.Expect(unit.Status.HeldDeletions.Count).To(Equal(int64(1)))
	g.Expect(message(unit)).To(ContainSubstring("ConfigMap/" + r.namespace + "/a"))
	_, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())

	r.ask(t, unit, meta.AnnotationConfirmDeletion, unit.Status.HeldDeletions.Digest)
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(unit.Status.HeldDeletions).To(BeNil())
	_, err = r.configMap(t.Context(), "a")
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue())
}

func TestObjectThatMovesKeepsItsUID(t *testing.T) {
	for name, order := range map[string][]string{"OldOwnerFirst": {"a-old", "b-new"}, "NewOwnerFirst": {"b-old", "a-new"}} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			oldUnit, newUnit := order[0], order[1]
			r.publish(t, "1", map[string]string{
				oldUnit + "/moved.yaml": r.manifest("moved", "1"), oldUnit + "/stays.yaml": r.manifest("stays", "1"),
				newUnit + "/own.yaml": r.manifest("own", "1"),
			})
			from, to := r.unit(oldUnit, oldUnit), r.unit(newUnit, newUnit)
			g.Expect(r.Create(t.Context(), from)).To(Succeed())
			g.Expect(r.Create(t.Context(), to)).To(Succeed())
			g.Eventually(r.state(t.Context(), from), soon).Should(Equal(readyAt1))
			g.Eventually(r.state(t.Context(), to), soon).Should(Equal(readyAt1))
			before, err := r.configMap(t.Context(), "moved")
			g.Expect(err).NotTo(HaveOccurred())

			r.publish(t, "2", map[string]string{
				newUnit + "/moved.yaml": r.manifest("moved", "1"), oldUnit + "/stays.yaml": r.manifest("stays", "1"),
				newUnit + "/own.yaml": r.manifest("own", "1"),
			})
			g.Eventually(r.state(t.Context(), from), soon).Should(Equal(readyAt2))
			g.Eventually(r.state(t.Context(), to), soon).Should(Equal(readyAt2))
			after, err := r.configMap(t.Context(), "moved")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(after.UID).To(Equal(before.UID))
			g.Expect(after.Labels).To(HaveKeyWithValue(kustomizev1.LabelName, newUnit))
			g.Eventually(func() (int, error) {
				_, err := r.state(t.Context(), from)()
				return len(from.Status.Inventory.Entries), err
			}, soon).Should(Equal(1), "the old owner lets go")
		})
	}
}

func TestSecondOwnerIsNamed(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"one/a.yaml": r.manifest("a", "1"), "two/a.yaml": r.manifest("a", "1")})
	one, two := r.unit("one", "one"), r.unit("two", "two")
	for _, unit := range []*kustomizev1.Kustomization{one, two} {
		g.Expect(r.Create(t.Context(), unit)).To(Succeed())
		g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	}
	r.handle(t, g, one, "look", false)
	drifted := status.Find(one.Status.Conditions, meta.ConditionDrifted)
	g.Expect(drifted).NotTo(BeNil())
	g.Expect(drifted.Message).To(ContainSubstring("ConfigMap/" + r.namespace + "/a by Kustomization " + r.namespace + "/two"))
}

func TestRefusedStageAppliesNothing(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{
		"app/a.yaml": r.manifest("a", "1"),
		"app/b.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: " + r.namespace + "}\nspec: {ports: [{port: 99999}]}\n",
	})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed"))
	g.Expect(message(unit)).To(ContainSubstring("Service/" + r.namespace + "/b dry-run failed (Invalid)"))
	_, err := r.configMap(t.Context(), "a")
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue())

	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
}

func TestTickAndRequestWithNothingToDo(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.Interval = "2s" })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	from := r.requests.end()
	g.Consistently(func() []string { return r.requests.about(r.namespace, from) }, "7s").Should(BeEmpty())

	r.ask(t, unit, meta.AnnotationRequestedAt, "token")
	g.Eventually(func() (string, error) {
		_, err := r.state(t.Context(), unit)()
		return unit.Status.LastHandledReconcileAt, err
	}, soon).Should(Equal("token"))
	g.Expect(r.requests.about(r.namespace, from)).To(HaveLen(1))
}

func TestDeletionFollowsThePolicy(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*kustomizev1.Kustomization)
		gone   bool
	}{
		"MirrorPrune":  {func(*kustomizev1.Kustomization) {}, true},
		"WithoutPrune": {func(k *kustomizev1.Kustomization) { k.Spec.Prune = false }, false},
		"Orphan":       {func(k *kustomizev1.Kustomization) { k.Spec.DeletionPolicy = kustomizev1.DeletionPolicyOrphan }, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
			unit := r.unit("app", "./app", tc.change)
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
			g.Expect(r.Delete(t.Context(), unit)).To(Succeed())
			g.Eventually(func() bool {
				return apierrors.IsNotFound(r.Get(t.Context(), client.ObjectKeyFromObject(unit), unit))
			}, soon).Should(BeTrue())
			_, err := r.configMap(t.Context(), "a")
			g.Expect(apierrors.IsNotFound(err)).To(Equal(tc.gone))
		})
	}
}

func TestUnitThatChangesGoesBeforeThoseThatDoNot(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	files := map[string]string{}
	var units []*kustomizev1.Kustomization
	for i := range 20 {
		name := fmt.Sprintf("unit-%02d", i)
		files[name+"/a.yaml"] = r.manifest(name, "1")
		units = append(units, r.unit(name, name))
	}
	r.publish(t, "1", files)
	for _, unit := range units {
		g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	}
	for _, unit := range units {
		g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	}
	from := r.requests.end()
	files["unit-19/a.yaml"] = r.manifest("unit-19", "2")
	r.publish(t, "2", files)
	for _, unit := range units {
		g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	}
	requests := r.requests.about(r.namespace, from)
	g.Expect(requests).To(HaveLen(21), "one apply, and one status write a unit")
	g.Expect(slices.IndexFunc(requests, func(line string) bool { return strings.Contains(line, "/configmaps/") })).To(BeNumerically("<", 5))
}
