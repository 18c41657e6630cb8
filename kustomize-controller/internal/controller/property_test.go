package controller

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

// propertySteps is how many random steps a run takes; propertySeed makes them
// the same ones each time.
const (
	propertySteps = 40
	propertySeed  = 7
)

// TestWhatTheFastWayLeavesTheSlowWayLeaves makes random edits in the source and
// random writes by other clients. After each step the unit is reconciled on
// request, which does only what it finds necessary, and then by force, which
// does everything anew: the second must find nothing to change.
func TestWhatTheFastWayLeavesTheSlowWayLeaves(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	walk := &randomWalk{
		rig: r, rand: rand.New(rand.NewPCG(propertySeed, 0)),
		tree: map[string]string{"app/a.yaml": r.manifest("a", "0"), "app/b.yaml": r.manifest("b", "0"), "app/keep.yaml": r.manifest("keep", "0")},
	}
	r.publish(t, "0", walk.tree)
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.RetryInterval = "1s" })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("True ReconciliationSucceeded main@sha1:0"))

	for step := 1; step <= propertySteps; step++ {
		did := walk.step(t, step)
		r.handle(t, g, unit, fmt.Sprintf("fast-%d", step), false)
		before := walk.versions(t, g)
		r.handle(t, g, unit, fmt.Sprintf("slow-%d", step), true)
		g.Expect(walk.versions(t, g)).To(Equal(before), "step %d: %s", step, did)
		g.Expect(slices.Sorted(maps.Keys(before))).To(Equal(walk.names()), "step %d: %s", step, did)
	}
}

// handle asks for a reconcile and waits until it was handled and succeeded.
func (r *rig) handle(t *testing.T, g *WithT, unit *kustomizev1.Kustomization, token string, force bool) {
	t.Helper()
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(unit), unit)).To(Succeed())
	before := client.MergeFrom(unit.DeepCopy())
	annotations := map[string]string{meta.AnnotationRequestedAt: token}
	if force {
		annotations[meta.AnnotationForceAt] = token
	}
	unit.SetAnnotations(annotations)
	g.Expect(r.Patch(t.Context(), unit, before)).To(Succeed())
	g.Eventually(func() (string, error) {
		state, err := r.state(t.Context(), unit)()
		return state[:min(4, len(state))] + " " + unit.Status.LastHandledReconcileAt, err
	}, soon, "5ms").Should(Equal("True " + token))
}

// randomWalk edits the source and the cluster at random.
type randomWalk struct {
	*rig
	rand *rand.Rand
	tree map[string]string
}

func (w *randomWalk) names() []string {
	var names []string
	for path := range w.tree {
		names = append(names, path[len("app/"):len(path)-len(".yaml")])
	}
	slices.Sort(names)
	return names
}

// versions returns the resource version of every applied object.
func (w *randomWalk) versions(t *testing.T, g *WithT) map[string]string {
	t.Helper()
	list := &corev1.ConfigMapList{}
	g.Expect(w.List(t.Context(), list, client.InNamespace(w.namespace), client.HasLabels{kustomizev1.LabelName})).To(Succeed())
	versions := map[string]string{}
	for _, cm := range list.Items {
		versions[cm.Name] = cm.ResourceVersion
	}
	return versions
}

// step makes one random change and says which.
func (w *randomWalk) step(t *testing.T, step int) string {
	t.Helper()
	if w.rand.IntN(3) == 0 {
		return w.editSource(t, step)
	}
	name := w.names()[w.rand.IntN(len(w.tree))]
	writes := w.writes()
	kinds := slices.Sorted(maps.Keys(writes))
	kind := kinds[w.rand.IntN(len(kinds))]
	if err := writes[kind](t.Context(), name); err != nil {
		t.Fatalf("step %d: %s %s: %v", step, kind, name, err)
	}
	return kind + " " + name
}

// editSource changes, adds or removes a file. One object always stays, because an
// empty build is held.
func (w *randomWalk) editSource(t *testing.T, step int) string {
	t.Helper()
	name := string(rune('a' + w.rand.IntN(5)))
	path := "app/" + name + ".yaml"
	what := "edit"
	if _, ok := w.tree[path]; ok && w.rand.IntN(2) == 0 {
		delete(w.tree, path)
		what = "remove"
	} else {
		w.tree[path] = w.manifest(name, strconv.Itoa(step))
	}
	w.publish(t, strconv.Itoa(step), w.tree)
	return what + " " + path
}

// writes are what other clients do to an object.
func (w *randomWalk) writes() map[string]func(ctx context.Context, name string) error {
	update := func(owner string, change func(*corev1.ConfigMap)) func(context.Context, string) error {
		return func(ctx context.Context, name string) error {
			cm, err := w.configMap(ctx, name)
			if err != nil {
				return err
			}
			change(cm)
			return w.Update(ctx, cm, client.FieldOwner(owner))
		}
	}
	patch := func(kind types.PatchType, body string) func(context.Context, string) error {
		return func(ctx context.Context, name string) error {
			cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}}
			return w.Patch(ctx, cm, client.RawPatch(kind, []byte(body)), client.FieldOwner("somebody"))
		}
	}
	return map[string]func(context.Context, string) error{
		"edit":          update("somebody", func(cm *corev1.ConfigMap) { cm.Data["value"] = "edited" }),
		"editAsUs":      update("kustomize-controller", func(cm *corev1.ConfigMap) { cm.Data["value"] = "edited" }),
		"removeValue":   update("somebody", func(cm *corev1.ConfigMap) { delete(cm.Data, "value") }),
		"clearMap":      update("somebody", func(cm *corev1.ConfigMap) { cm.Data = nil }),
		"addField":      update("somebody", func(cm *corev1.ConfigMap) { cm.Data["theirs"] = "stays" }),
		"addLabel":      update("somebody", func(cm *corev1.ConfigMap) { cm.Labels["theirs"] = "stays" }),
		"kubectlField":  update("kubectl-edit", func(cm *corev1.ConfigMap) { cm.Data["kubectl"] = "goes" }),
		"dropOwner":     update("somebody", func(cm *corev1.ConfigMap) { delete(cm.Labels, kustomizev1.LabelName) }),
		"resetManagers": patch(types.MergePatchType, `{"metadata":{"managedFields":[{}]}}`),
		"mergePatch":    patch(types.MergePatchType, `{"data":{"other":"patched"}}`),
		"delete": func(ctx context.Context, name string) error {
			cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}}
			return w.Delete(ctx, cm)
		},
		"changeAndRestore": func(ctx context.Context, name string) error {
			cm, err := w.configMap(ctx, name)
			if err != nil {
				return err
			}
			was := cm.Data["value"]
			cm.Data["value"] = "for a moment"
			if err := w.Update(ctx, cm, client.FieldOwner("somebody")); err != nil {
				return err
			}
			cm.Data["value"] = was
			err = w.Update(ctx, cm, client.FieldOwner("somebody"))
			if apierrors.IsConflict(err) {
				return nil // corrected in between already
			}
			return err
		},
	}
}
