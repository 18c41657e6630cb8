package controller

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// TestNothingIsPrunedBecauseASourceVanished says that whatever happens to a source
// that makes everything vanish at once, nothing is deleted without consent.
func TestNothingIsPrunedBecauseASourceVanished(t *testing.T) {
	for name, tc := range map[string]struct {
		vanish func(t *testing.T, r *rig)
		want   string
	}{
		"PathRemoved":     {func(t *testing.T, r *rig) { r.publish(t, "2", map[string]string{"else/a.yaml": r.manifest("x", "1")}) }, "False ArtifactFailed"},
		"PathIsAFile":     {func(t *testing.T, r *rig) { r.publish(t, "2", map[string]string{"app": r.manifest("x", "1")}) }, "False "},
		"RepositoryEmpty": {func(t *testing.T, r *rig) { r.publish(t, "2", nil) }, "False ArtifactFailed"},
		"AllFilesIgnored": {func(t *testing.T, r *rig) {
			r.publish(t, "2", map[string]string{"app/a.txt": "a", "app/.b.yaml.swp": "b"})
		}, "False PruneFailed"},
		"EmptyDocuments": {func(t *testing.T, r *rig) {
			r.publish(t, "2", map[string]string{"app/a.yaml": "---\n# nothing\n---\n"})
		}, "False PruneFailed"},
		"NoResources": {func(t *testing.T, r *rig) {
			r.publish(t, "2", map[string]string{"app/kustomization.yaml": "resources: []\n"})
		}, "False "},
		"SourceDeleted":     {func(t *testing.T, r *rig) { r.removeSource(t) }, "False ArtifactFailed"},
		"ArtifactWithdrawn": {func(t *testing.T, r *rig) { r.offer(t, nil) }, "False ArtifactFailed"},
		"ArtifactNotServed": {func(t *testing.T, r *rig) {
			a := r.pack(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "1")})
			r.artifacts.mu.Lock()
			delete(r.artifacts.files, a.Path)
			r.artifacts.mu.Unlock()
			r.offer(t, a)
		}, "False ArtifactFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t, "--http-retry=1")
			r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "app/b.yaml": r.manifest("b", "1")})
			unit := r.unit("app", "./app")
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
			from := r.requests.end()
			tc.vanish(t, r)
			g.Eventually(func() (string, error) {
				r.ask(t, unit, "reconcile.fluxcd.io/requestedAt", "after-"+unit.ResourceVersion)
				return r.state(t.Context(), unit)()
			}, soon, "200ms").Should(HavePrefix(tc.want))
			for _, line := range r.requests.about(r.namespace, from) {
				g.Expect(line).NotTo(HavePrefix("DELETE"))
			}
			g.Expect(r.gone(t, "a")).To(BeFalse())
			g.Expect(r.gone(t, "b")).To(BeFalse())
			g.Expect(unit.Status.Inventory.Entries).To(HaveLen(2))
		})
	}
}

func (r *rig) removeSource(t *testing.T) {
	t.Helper()
	if err := r.Delete(t.Context(), &sourcev1.GitRepository{ObjectMeta: r.object("repo", nil)}); err != nil {
		t.Fatal(err)
	}
}

// TestForceSparesWhatIsMerelyInvalid guards against the loss of a live object: force
// replaces an object whose immutable field changes, and no other that the server
// refuses.
func TestForceSparesWhatIsMerelyInvalid(t *testing.T) {
	service := func(r *rig, spec string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: live, namespace: " + r.namespace + "}\nspec: " + spec + "\n"
	}
	for name, spec := range map[string]string{
		"Enum":  "{type: Nope, ports: [{port: 80}]}",
		"Range": "{ports: [{port: 99999}]}",
		"Name":  "{ports: [{port: 80, name: NOT-A-NAME}]}",
		"Both":  "{clusterIP: 10.0.0.77, type: Nope, ports: [{port: 80}]}",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			r.publish(t, "1", map[string]string{"app/a.yaml": service(r, "{ports: [{port: 80}]}")})
			unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.Force = true })
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
			live := &corev1.Service{ObjectMeta: r.object("live", nil)}
			g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(live), live)).To(Succeed())
			r.publish(t, "2", map[string]string{"app/a.yaml": service(r, spec)})
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed main@sha1:1"))
			g.Expect(message(unit)).To(ContainSubstring("Service/" + r.namespace + "/live"))
			after := &corev1.Service{}
			g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(live), after)).To(Succeed())
			g.Expect(after.UID).To(Equal(live.UID))
			g.Expect(after.ResourceVersion).To(Equal(live.ResourceVersion))
		})
	}
}

// TestObjectThatMovesFromParentToChild says that an object that moves from a unit to
// a unit that the first one applies is neither deleted nor created again.
func TestObjectThatMovesFromParentToChild(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	child := fmt.Sprintf("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: child, namespace: %s}\n"+
		"spec: {interval: 1h, retryInterval: 1s, path: ./child, prune: true, sourceRef: {kind: GitRepository, name: repo}}\n", r.namespace)
	r.publish(t, "1", map[string]string{
		"parent/child.yaml": child, "parent/moved.yaml": r.manifest("moved", "1"), "child/own.yaml": r.manifest("own", "1"),
	})
	parent := r.unit("parent", "./parent")
	g.Expect(r.Create(t.Context(), parent)).To(Succeed())
	g.Eventually(r.state(t.Context(), parent), soon).Should(Equal(readyAt1))
	made := r.unit("child", "./child")
	g.Eventually(r.state(t.Context(), made), soon).Should(Equal(readyAt1))
	before, err := r.configMap(t.Context(), "moved")
	g.Expect(err).NotTo(HaveOccurred())

	r.publish(t, "2", map[string]string{
		"parent/child.yaml": child, "child/moved.yaml": r.manifest("moved", "1"), "child/own.yaml": r.manifest("own", "1"),
	})
	g.Eventually(r.state(t.Context(), parent), soon).Should(Equal(readyAt2))
	g.Eventually(r.state(t.Context(), made), soon).Should(Equal(readyAt2))
	after, err := r.configMap(t.Context(), "moved")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after.UID).To(Equal(before.UID))
	g.Expect(after.Labels).To(HaveKeyWithValue(kustomizev1.LabelName, "child"))
	g.Eventually(func() (int, error) {
		_, err := r.state(t.Context(), parent)()
		return len(parent.Status.Inventory.Entries), err
	}, soon).Should(Equal(1), "the parent lets go")
}

// gadgets are a definition of a kind that only this test knows, and an object of it.
func gadgets(r *rig, word string) (files map[string]string, definition, gadget *unstructured.Unstructured) {
	group := word + ".hardening.example.com"
	files = map[string]string{
		"app/definition.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gadgets." + group + "}\n" +
			"spec:\n  group: " + group + "\n  scope: Namespaced\n  names: {plural: gadgets, singular: gadget, kind: Gadget, listKind: GadgetList}\n" +
			"  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]\n",
		"app/gadget.yaml": "apiVersion: " + group + "/v1\nkind: Gadget\nmetadata: {name: g, namespace: " + r.namespace + "}\nspec: {size: 1}\n",
	}
	definition, gadget = &unstructured.Unstructured{}, &unstructured.Unstructured{}
	definition.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	definition.SetName("gadgets." + group)
	gadget.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: "Gadget"})
	gadget.SetNamespace(r.namespace)
	gadget.SetName("g")
	return files, definition, gadget
}

// TestDefinitionThatIsRemoved says that a definition and an object of it are applied
// in one run; when somebody deletes the definition, and with it all its
// objects, both come back.
func TestDefinitionThatIsRemoved(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	files, definition, gadget := gadgets(r, "removed")
	r.publish(t, "1", files)
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.RetryInterval = "1s" })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(gadget), gadget)).To(Succeed())
	was := gadget.GetUID()
	g.Expect(r.Delete(t.Context(), definition)).To(Succeed())
	g.Eventually(func() (bool, error) {
		err := r.Get(t.Context(), client.ObjectKeyFromObject(gadget), gadget)
		return err == nil && gadget.GetUID() != was, nil
	}, "30s").Should(BeTrue())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
}

// TestObjectThatIsTooLarge says that an object that no server stores is refused with its name and the limit, the status can be written, and the next revision
// is applied.
func TestObjectThatIsTooLarge(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	large := strings.Replace(r.manifest("large", "1"), `"1"`, `"`+strings.Repeat("x", 1400<<10)+`"`, 1)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1"), "app/large.yaml": large})
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ReconciliationFailed"))
	g.Expect(message(unit)).To(And(ContainSubstring("ConfigMap/"+r.namespace+"/large"), ContainSubstring("1048576")))
	g.Expect(len(message(unit))).To(BeNumerically("<=", 1<<10))
	g.Expect(r.gone(t, "a")).To(BeTrue(), "nothing of the stage is applied")
	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
}
