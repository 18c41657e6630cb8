package controller

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// TestEmptyListDeletesNothing says that a LIST that answers with nothing, as a
// broken proxy or a cut connection gives it, is no proof that anything is gone.
func TestEmptyListDeletesNothing(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "app/b.yaml": r.manifest("b", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	a, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())

	var lied atomic.Int32
	version := unit.ResourceVersion // the unit is read again while lists are answered
	r.requests.tamper(func(req *http.Request) *http.Response {
		if req.Method != http.MethodGet || req.URL.Path != "/api/v1/configmaps" || req.URL.Query().Get("watch") != "" {
			return nil
		}
		lied.Add(1)
		body := fmt.Sprintf(`{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":%q},"items":[]}`, version)
		return &http.Response{
			StatusCode: http.StatusOK, Request: req, ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
		}
	})
	t.Cleanup(func() { r.requests.tamper(nil) })
	from := r.requests.end()
	r.handle(t, g, unit, "lied", false)
	g.Expect(lied.Load()).To(BeNumerically(">", 0), "the list was asked for")
	r.requests.tamper(nil)
	r.handle(t, g, unit, "requested", false)
	for _, line := range r.requests.about(r.namespace, from) {
		g.Expect(line).NotTo(HavePrefix("DELETE"))
	}
	after, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after.UID).To(Equal(a.UID))
	g.Expect(after.ResourceVersion).To(Equal(a.ResourceVersion), "nothing was written either")
	g.Expect(unit.Status.Inventory.Entries).To(HaveLen(2))
}

// TestObjectThatIsNotGoneStaysInTheInventory says that an object that a finalizer
// holds, or an admission policy protects, stays in the inventory until it is deleted.
func TestObjectThatIsNotGoneStaysInTheInventory(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/held.yaml": r.manifest("held", "1"), "app/stays.yaml": r.manifest("stays", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	held, err := r.configMap(t.Context(), "held")
	g.Expect(err).NotTo(HaveOccurred())
	before := client.MergeFrom(held.DeepCopy())
	held.Finalizers = []string{"example.com/hold"}
	g.Expect(r.Patch(t.Context(), held, before)).To(Succeed())

	r.publish(t, "2", map[string]string{"app/stays.yaml": r.manifest("stays", "1")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(unit.Status.Inventory.Entries).To(HaveLen(2), "the object is being deleted and still there")

	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(held), held)).To(Succeed())
	before = client.MergeFrom(held.DeepCopy())
	held.Finalizers = nil
	g.Expect(r.Patch(t.Context(), held, before)).To(Succeed())
	g.Eventually(func() (int, error) {
		_, err := r.state(t.Context(), unit)()
		return len(unit.Status.Inventory.Entries), err
	}, soon).Should(Equal(1))
}

// TestDeniedDeletionIsReportedAndTriedAgain says that a denied DELETE leaves no
// object without an entry in the inventory.
func TestDeniedDeletionIsReportedAndTriedAgain(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "app/b.yaml": r.manifest("b", "1")})
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.RetryInterval = "1s" })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	r.denyDeletions(t, g)

	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False PruneFailed main@sha1:1"))
	g.Expect(message(unit)).To(ContainSubstring("ConfigMap/" + r.namespace + "/b"))
	g.Expect(message(unit)).To(ContainSubstring("protected"))
	g.Expect(unit.Status.Inventory.Entries).To(HaveLen(2))

	g.Expect(r.Delete(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: r.namespace}})).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	_, err := r.configMap(t.Context(), "b")
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue())
}

// denyDeletions lets no ConfigMap of the test's namespace be deleted, and waits
// until that is so.
func (r *rig) denyDeletions(t *testing.T, g *WithT) {
	t.Helper()
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: r.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": r.namespace}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Delete},
					Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
				}}},
			},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "it is protected"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: r.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: r.namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	g.Expect(r.Create(t.Context(), policy)).To(Succeed())
	g.Expect(r.Create(t.Context(), binding)).To(Succeed())
	t.Cleanup(func() { _ = r.Delete(t.Context(), policy) })
	a, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() error { return r.Delete(t.Context(), a, client.DryRunAll) }, soon).ShouldNot(Succeed())
}
