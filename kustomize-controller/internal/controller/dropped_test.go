package controller

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// misspelt is a Deployment whose replicas are not what the author meant.
func (r *rig) misspelt(image string) string {
	return strings.Replace(r.deployment("3", image), "replicas:", "replica:", 1)
}

// dropped returns the condition, empty while there is none.
func (r *rig) dropped(t *testing.T, unit *kustomizev1.Kustomization) func() (metav1.Condition, error) {
	return func() (metav1.Condition, error) {
		_, err := r.state(t.Context(), unit)()
		if c := status.Find(unit.Status.Conditions, meta.ConditionFieldsDropped); c != nil {
			return *c, err
		}
		return metav1.Condition{}, err
	}
}

// writes returns the writes of one object since an index.
func (r *rig) writes(object string, from int) (lines []string) {
	for _, line := range r.requests.about(r.namespace, from) {
		if strings.HasPrefix(line, "PATCH") && strings.Contains(line, object) {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestUnknownFieldIsReported says in a condition and in an event which field of
// which object the API server does not know. A correction costs no more for it, a
// pass with nothing changed nothing, and the condition goes with the field.
func TestUnknownFieldIsReported(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	files := map[string]string{"app/web.yaml": r.misspelt("web:1"), "app/a.yaml": r.manifest("a", "1")}
	r.publish(t, "1", files)
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))

	want := "Applied without fields that the API server does not know, or sets itself: Deployment/" + r.namespace + "/web .spec.replica"
	g.Expect(r.dropped(t, unit)()).To(And(HaveField("Message", want), HaveField("Reason", "FieldsDropped"), HaveField("Status", metav1.ConditionTrue)))
	g.Eventually(r.events(t, "app"), soon).Should(ContainElement("Warning FieldsDropped " + want))

	from := r.requests.end()
	r.handle(t, g, unit, "nothing", false)
	g.Expect(r.writes("/deployments/web", from)).To(BeEmpty(), "nothing changed")
	from = r.requests.end()
	web := &appsv1.Deployment{ObjectMeta: r.object("web", nil)}
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(web), web)).To(Succeed())
	web.Spec.Template.Spec.Containers[0].Image = "edited"
	g.Expect(r.Update(t.Context(), web, client.FieldOwner("somebody"))).To(Succeed())
	g.Eventually(func() (string, error) {
		err := r.Get(t.Context(), client.ObjectKeyFromObject(web), web)
		return web.Spec.Template.Spec.Containers[0].Image, err
	}, soon).Should(Equal("web:1"))
	g.Expect(r.writes("/deployments/web", from)).To(HaveLen(1), "the correction alone")
	g.Expect(r.dropped(t, unit)()).To(HaveField("Message", want))

	files["app/a.yaml"] = r.manifest("a", "2")
	r.publish(t, "2", files)
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	g.Expect(r.dropped(t, unit)()).To(HaveField("Message", want), "another object was applied")
	files["app/web.yaml"] = r.deployment("3", "web:1")
	r.publish(t, "3", files)
	g.Eventually(r.dropped(t, unit), soon).Should(Equal(metav1.Condition{}))
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(web), web)).To(Succeed())
	g.Expect(*web.Spec.Replicas).To(Equal(int32(3)))
	g.Expect(r.events(t, "app")()).To(ContainElement("Warning FieldsDropped " + want))
}

// TestUnknownFieldIsRefused makes it an error, on which nothing is applied.
func TestUnknownFieldIsRefused(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--feature-gates=RejectUnknownFields=true")
	r.publish(t, "1", map[string]string{"app/web.yaml": r.misspelt("web:1"), "app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed"))
	g.Expect(message(unit)).To(Equal("Deployment/" + r.namespace + "/web dry-run failed: .spec.replica: field not declared in schema"))
	_, err := r.configMap(t.Context(), "a")
	g.Expect(client.IgnoreNotFound(err)).To(Succeed())
	g.Expect(err).To(HaveOccurred(), "a stage that is refused applies nothing")
	g.Expect(r.dropped(t, unit)()).To(Equal(metav1.Condition{}))
}

// TestExportedManifestIsApplied applies what was exported while it was being
// deleted, once and for good, and says what was left out.
func TestExportedManifestIsApplied(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	exported := strings.Replace(r.manifest("a", "1"), "{name: a,",
		`{name: a, uid: some, resourceVersion: "7", deletionTimestamp: "2024-01-01T00:00:00Z", deletionGracePeriodSeconds: 30,`, 1)
	r.publish(t, "1", map[string]string{"app/a.yaml": exported})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.dropped(t, unit)()).To(HaveField("Message", HaveSuffix(
		"ConfigMap/"+r.namespace+"/a .metadata.deletionGracePeriodSeconds, .metadata.deletionTimestamp, .metadata.resourceVersion, .metadata.uid")))
	before, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())

	r.edit(t, "a", "mine")
	g.Eventually(r.value(t, "a"), soon).Should(Equal("1"))
	r.handle(t, g, unit, "everything", true)
	after, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after.UID).To(Equal(before.UID))
	g.Expect(after.DeletionTimestamp).To(BeNil())
	g.Expect(status.Find(unit.Status.Conditions, meta.ConditionDrifted)).To(BeNil())
}
