package controller

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

// maps are files of ConfigMaps a, b, c …, n of them.
func (r *rig) maps(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		name := string(rune('a' + i))
		files["app/"+name+".yaml"] = r.manifest(name, "1")
	}
	return files
}

func (r *rig) gone(t *testing.T, name string) bool {
	t.Helper()
	_, err := r.configMap(t.Context(), name)
	return apierrors.IsNotFound(err)
}

// TestDeletionBudget says that what is over the budget waits for consent, that
// consent carries the digest of the set, and that it counts once.
func TestDeletionBudget(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--deletion-budget=count=2")
	r.publish(t, "1", r.maps(6))
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))

	r.publish(t, "2", r.maps(4)) // two fewer: within the budget
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(r.gone(t, "f")).To(BeTrue())

	r.publish(t, "3", r.maps(1)) // three fewer
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False PruneFailed main@sha1:2"))
	g.Expect(unit.Status.HeldDeletions.Count).To(Equal(int64(3)))
	g.Expect(unit.Status.HeldDeletions.Reason).To(ContainSubstring("budget of 2"))
	g.Expect(message(unit)).To(And(ContainSubstring("budget of 2"), ContainSubstring(unit.Status.HeldDeletions.Digest)))
	g.Expect(r.gone(t, "b")).To(BeFalse())

	r.ask(t, unit, meta.AnnotationConfirmDeletion, "sha256:something-else")
	g.Consistently(func() bool { return r.gone(t, "b") }, "1s").Should(BeFalse())
	r.ask(t, unit, meta.AnnotationConfirmDeletion, unit.Status.HeldDeletions.Digest)
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("True ReconciliationSucceeded main@sha1:3"))
	g.Expect(r.gone(t, "b")).To(BeTrue())
	g.Expect(unit.Status.HeldDeletions).To(BeNil())
}

func TestProtectedKindIsHeld(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--deletion-budget=protect=Secret")
	r.publish(t, "1", map[string]string{
		"app/a.yaml": r.manifest("a", "1"),
		"app/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: " + r.namespace + "}\n",
	})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False PruneFailed main@sha1:1"))

	// The object itself may say that it may go.
	secret := &corev1.Secret{ObjectMeta: r.object("s", nil)}
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(secret), secret)).To(Succeed())
	before := client.MergeFrom(secret.DeepCopy())
	secret.Annotations = map[string]string{"capstan.dev/deletion": "Allowed"}
	g.Expect(r.Patch(t.Context(), secret, before)).To(Succeed())
	r.ask(t, unit, meta.AnnotationRequestedAt, "look")
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(apierrors.IsNotFound(r.Get(t.Context(), client.ObjectKeyFromObject(secret), secret))).To(BeTrue())
}

// TestPrunedObjectsAreKept says that what was deleted can be read for a day, and
// that Secrets are not kept.
func TestPrunedObjectsAreKept(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{
		"app/stays.yaml": r.manifest("stays", "1"), "app/a.yaml": r.manifest("a", "kept-me"),
		"app/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: " + r.namespace + "}\nstringData: {k: canary-74}\n",
	})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	r.publish(t, "2", map[string]string{"app/stays.yaml": r.manifest("stays", "1")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))

	kept := &corev1.SecretList{}
	g.Expect(r.List(t.Context(), kept, client.InNamespace(r.namespace), client.MatchingLabels{"capstan.dev/pruned": "app"})).To(Succeed())
	g.Expect(kept.Items).To(HaveLen(1))
	unzip, err := gzip.NewReader(bytes.NewReader(kept.Items[0].Data["objects.yaml.gz"]))
	g.Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(unzip)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(And(ContainSubstring("kept-me"), Not(ContainSubstring("canary-74")), Not(ContainSubstring("Y2FuYXJ5LTc0"))))
	g.Eventually(r.events(t, "app"), soon).Should(ContainElement(And(
		ContainSubstring("ConfigMap/"+r.namespace+"/a deleted"), ContainSubstring("kubectl -n "+r.namespace+" get secret"))))
}

// TestNothingToPruneForgetsWithoutPrune says that prune: false lets go of objects.
func TestWithoutPruneObjectsAreLetGo(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", r.maps(2))
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.Prune = false })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	r.publish(t, "2", r.maps(1))
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(r.gone(t, "b")).To(BeFalse())
	g.Expect(unit.Status.Inventory.Entries).To(HaveLen(1))
}

// TestWaitForTermination says that the unit stays until what it applied is gone,
// or until its timeout.
func TestWaitForTermination(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", r.maps(1))
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) {
		k.Spec.DeletionPolicy, k.Spec.Timeout = kustomizev1.DeletionPolicyWaitForTermination, "1m"
	})
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	a, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())
	hold := func(finalizers ...string) {
		g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(a), a)).To(Succeed())
		before := client.MergeFrom(a.DeepCopy())
		a.Finalizers = finalizers
		g.Expect(r.Patch(t.Context(), a, before)).To(Succeed())
	}
	hold("example.com/hold")
	g.Expect(r.Delete(t.Context(), unit)).To(Succeed())
	g.Eventually(func() (string, error) { _, err := r.state(t.Context(), unit)(); return message(unit), err }, soon).
		Should(ContainSubstring("Waiting for 1 objects to be gone"))
	hold()
	g.Eventually(func() bool {
		return apierrors.IsNotFound(r.Get(t.Context(), client.ObjectKeyFromObject(unit), unit))
	}, soon).Should(BeTrue())
}

// TestPolicies says what the policies on objects do: annotations or labels, in any
// case.
func TestPolicies(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	policy := func(name, key, value string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, annotations: {kustomize.toolkit.fluxcd.io/%s: %s}}\ndata: {value: \"1\"}\n",
			name, r.namespace, key, value)
	}
	files := map[string]string{
		"app/stays.yaml": r.manifest("stays", "1"),
		"app/a.yaml":     policy("unmanaged", "reconcile", "Disabled"),
		"app/b.yaml":     policy("ignored", "ssa", "ignore"),
		"app/c.yaml":     policy("once", "ssa", "IfNotPresent"),
		"app/d.yaml":     policy("kept", "prune", "DISABLED"),
		"app/e.yaml":     policy("merged", "ssa", "Merge"),
	}
	r.publish(t, "1", files)
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.gone(t, "unmanaged")).To(BeTrue())
	g.Expect(r.gone(t, "ignored")).To(BeTrue())
	g.Expect(unit.Status.Inventory.Entries).To(HaveLen(6), "what is skipped stands in the inventory")
	r.edit(t, "once", "mine")
	r.handle(t, g, unit, "look", false)
	g.Expect(r.value(t, "once")()).To(Equal("mine"))
	r.publish(t, "2", map[string]string{"app/stays.yaml": r.manifest("stays", "1")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(r.gone(t, "kept")).To(BeFalse())
	g.Expect(r.gone(t, "merged")).To(BeTrue())
}

// TestForce says that an object whose immutable field changes is made anew only
// where that is allowed.
func TestForce(t *testing.T) {
	immutable := func(r *rig, value string, more string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: %s%s}\nimmutable: true\ndata: {value: %q}\n", r.namespace, more, value)
	}
	for name, tc := range map[string]struct {
		force      bool
		annotation string
		replaced   bool
	}{
		"NotAllowed":  {false, "", false},
		"ByTheSpec":   {true, "", true},
		"ByTheObject": {false, ", annotations: {kustomize.toolkit.fluxcd.io/force: Enabled}", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			r.publish(t, "1", map[string]string{"app/a.yaml": immutable(r, "1", tc.annotation)})
			unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.Force = tc.force })
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
			r.publish(t, "2", map[string]string{"app/a.yaml": immutable(r, "2", tc.annotation)})
			if tc.replaced {
				g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
				g.Expect(r.value(t, "a")()).To(Equal("2"))
				return
			}
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed main@sha1:1"))
			g.Expect(message(unit)).To(ContainSubstring("immutable"))
			g.Expect(r.value(t, "a")()).To(Equal("1"))
		})
	}
}

// TestDeletionThatTakesOthersAlong holds the deletion of a Namespace in which objects of
// the build, or of other Kustomizations, live: one line that leaves the source must not
// delete what did not leave it.
func TestDeletionThatTakesOthersAlong(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	home := r.namespace + "-home"
	space := "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + home + "}\n"
	inside := func(name string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\n", name, home)
	}
	files := map[string]string{
		"infra/space.yaml": space, "infra/a.yaml": inside("a"), "infra/kept.yaml": r.manifest("kept", "1"),
		"shop/b.yaml": inside("b"), "shop/kept.yaml": r.manifest("shop", "1"),
	}
	r.publish(t, "1", files)
	infra := r.unit("infra", "./infra")
	g.Expect(r.Create(t.Context(), infra)).To(Succeed())
	g.Eventually(r.state(t.Context(), infra), soon).Should(Equal(readyAt1))
	shop := r.unit("shop", "./shop")
	g.Expect(r.Create(t.Context(), shop)).To(Succeed())
	g.Eventually(r.state(t.Context(), shop), soon).Should(Equal(readyAt1))

	delete(files, "infra/space.yaml")
	r.publish(t, "2", files)
	g.Eventually(r.state(t.Context(), infra), soon).Should(Equal("False PruneFailed main@sha1:1"))
	g.Expect(message(infra)).To(ContainSubstring("Namespace/" + home + " holds ConfigMap/" + home + "/a of this build and 1 more"))

	delete(files, "infra/a.yaml")
	r.publish(t, "3", files)
	g.Eventually(func() (string, error) { _, err := r.state(t.Context(), infra)(); return message(infra), err }, soon).
		Should(ContainSubstring("holds ConfigMap/" + home + "/b of Kustomization/" + r.namespace + "/shop"))
	live := &corev1.Namespace{}
	g.Expect(r.Get(t.Context(), client.ObjectKey{Name: home}, live)).To(Succeed())
	g.Expect(live.DeletionTimestamp).To(BeNil())

	delete(files, "shop/b.yaml")
	r.publish(t, "4", files)
	g.Eventually(r.state(t.Context(), shop), soon).Should(Equal("True ReconciliationSucceeded main@sha1:4"))
	r.ask(t, infra, meta.AnnotationRequestedAt, "again")
	g.Eventually(func() bool {
		return r.Get(t.Context(), client.ObjectKey{Name: home}, live) == nil && live.DeletionTimestamp != nil
	}, soon).Should(BeTrue(), "nothing needs it any more")
	g.Eventually(r.events(t, "infra"), soon).Should(ContainElement(ContainSubstring("Namespace/" + home + " deleted")))
}

// TestDeletionIsReportedWhenAccepted reports a deletion in the pass that asks for it: an
// object with a finalizer may be gone much later, or after a pass that fails.
func TestDeletionIsReportedWhenAccepted(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	held := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, namespace: %s, finalizers: [example.com/hold]}\n", r.namespace)
	r.publish(t, "1", map[string]string{"app/stays.yaml": r.manifest("stays", "1"), "app/held.yaml": held})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	r.publish(t, "2", map[string]string{"app/stays.yaml": r.manifest("stays", "1")})
	line := "ConfigMap/" + r.namespace + "/held deleted"
	g.Eventually(r.events(t, "app"), soon).Should(ContainElement(And(
		ContainSubstring(line), ContainSubstring("kubectl -n "+r.namespace+" get secret"))))
	g.Expect(r.gone(t, "held")).To(BeFalse())

	a, err := r.configMap(t.Context(), "held")
	g.Expect(err).NotTo(HaveOccurred())
	before := client.MergeFrom(a.DeepCopy())
	a.Finalizers = nil
	g.Expect(r.Patch(t.Context(), a, before)).To(Succeed())
	g.Eventually(func() (int, error) {
		_, err := r.state(t.Context(), unit)()
		return len(unit.Status.Inventory.Entries), err
	}, soon).Should(Equal(1))
	texts, err := r.events(t, "app")()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Count(strings.Join(texts, "\n"), line)).To(Equal(1))
}
