package steps

import (
	"fmt"
	"path"
	"slices"
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// Kustomization is a Kustomization of the scene.
type Kustomization struct {
	scene *Scene
	obj   *kustomizev1.Kustomization
}

// Sync applies a folder of the repository to the scene's namespace, by a Kustomization of the folder's last name that
// prunes and waits for health.
func (r *Repository) Sync(folder string, changes ...Setting) *Kustomization {
	s := r.scene
	s.t.Helper()
	obj := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: path.Base(folder)}}
	obj.Spec = kustomizev1.KustomizationSpec{
		Interval: meta.NewDuration(Rare), RetryInterval: meta.NewDuration(Retry), Timeout: meta.NewDuration(Patience),
		Path: "./" + folder, Prune: true, Wait: true, TargetNamespace: s.Namespace,
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Name: r.source.Name},
	}
	for _, change := range changes {
		change(obj)
	}
	s.must("creating the Kustomization", s.client.Create(s.t.Context(), obj.DeepCopy()))
	return &Kustomization{scene: s, obj: obj}
}

// SyncAs does the same by a Kustomization of another name.
func (r *Repository) SyncAs(name, folder string, changes ...Setting) *Kustomization {
	r.scene.t.Helper()
	return r.Sync(folder, append([]Setting{func(k *kustomizev1.Kustomization) { k.Name = name }}, changes...)...)
}

// Kustomization names a Kustomization that something else made.
func (s *Scene) Kustomization(name string) *Kustomization {
	return &Kustomization{scene: s, obj: &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name}}}
}

// BecomesReady waits until the Kustomization is ready, whatever it has applied.
func (k *Kustomization) BecomesReady() { k.scene.t.Helper(); k.Applies("") }

// Applies waits until the Kustomization is ready at a revision.
func (k *Kustomization) Applies(revision string) {
	k.scene.t.Helper()
	what := "Kustomization " + k.obj.Name + " is ready"
	if revision != "" {
		what += " at " + revision
	}
	k.wait(what, func() bool {
		return k.obj.Status.ObservedGeneration == k.obj.Generation &&
			apimeta.IsStatusConditionTrue(k.obj.Status.Conditions, meta.ConditionReady) &&
			(revision == "" || k.obj.Status.LastAppliedRevision == revision)
	})
}

// Fails waits until the Kustomization is not ready, for a reason, with a message that contains every one of the causes.
func (k *Kustomization) Fails(reason meta.Reason, causes ...string) {
	k.scene.t.Helper()
	k.wait(fmt.Sprintf("Kustomization %s fails with %s, which names %q", k.obj.Name, reason, causes), func() bool {
		ready := apimeta.FindStatusCondition(k.obj.Status.Conditions, meta.ConditionReady)
		return ready != nil && ready.Status == metav1.ConditionFalse && ready.Reason == string(reason) &&
			containsAll(ready.Message, causes)
	})
}

// WaitsFor waits until the Kustomization is held up by a dependency, with a message that contains every one of the texts.
func (k *Kustomization) WaitsFor(texts ...string) {
	k.scene.t.Helper()
	k.Fails(meta.ReasonDependencyNotReady, texts...)
}

// AwaitsHealth waits until the Kustomization has applied a revision, and awaits that it becomes healthy.
func (k *Kustomization) AwaitsHealth(revision string) {
	k.scene.t.Helper()
	k.wait("Kustomization "+k.obj.Name+" awaits the health of "+revision, func() bool {
		healthy := apimeta.FindStatusCondition(k.obj.Status.Conditions, meta.ConditionHealthy)
		return k.obj.Status.LastAttemptedRevision == revision && healthy != nil && healthy.Status == metav1.ConditionUnknown
	})
}

// HasDrifted waits until the Kustomization says that an object drifted, by whom and in which field, in its condition and
// in its status.
func (k *Kustomization) HasDrifted(object, manager, field string) {
	k.scene.t.Helper()
	k.wait(fmt.Sprintf("Kustomization %s says that %s changed %s of %s", k.obj.Name, manager, field, object), func() bool {
		drifted := apimeta.FindStatusCondition(k.obj.Status.Conditions, meta.ConditionDrifted)
		return drifted != nil && drifted.Status == metav1.ConditionTrue && strings.Contains(drifted.Message, object) &&
			slices.ContainsFunc(k.obj.Status.Drift, func(d kustomizev1.DriftedObject) bool {
				return d.Object == object && d.Manager == manager && !d.Since.IsZero() &&
					slices.ContainsFunc(d.Fields, func(f string) bool { return strings.Contains(f, field) })
			})
	})
}

// HasNotDrifted waits until the Kustomization knows of no drift.
func (k *Kustomization) HasNotDrifted() {
	k.scene.t.Helper()
	k.wait("Kustomization "+k.obj.Name+" knows of no drift", func() bool {
		return apimeta.FindStatusCondition(k.obj.Status.Conditions, meta.ConditionDrifted) == nil && len(k.obj.Status.Drift) == 0
	})
}

// Holds waits until the Kustomization holds so many deletions, and returns the digest that consents to them.
func (k *Kustomization) Holds(count int64) string {
	k.scene.t.Helper()
	k.wait(fmt.Sprintf("Kustomization %s holds %d deletions", k.obj.Name, count), func() bool {
		held := k.obj.Status.HeldDeletions
		return held != nil && held.Count == count && held.Digest != ""
	})
	return k.obj.Status.HeldDeletions.Digest
}

// Handles waits until a request has been handled.
func (k *Kustomization) Handles(token string) {
	k.scene.t.Helper()
	k.wait("Kustomization "+k.obj.Name+" has handled the request", func() bool {
		return k.obj.Status.LastHandledReconcileAt == token
	})
}

// Request asks the Kustomization to reconcile now.
func (k *Kustomization) Request() string {
	k.scene.t.Helper()
	return k.scene.Request(k.obj)
}

// Consent annotates the Kustomization with consent to what it holds.
func (k *Kustomization) Consent(digest string) {
	k.scene.t.Helper()
	k.scene.annotate(k.obj, meta.AnnotationConfirmDeletion, digest)
}

// Suspend suspends the Kustomization, or lets it go on.
func (k *Kustomization) Suspend(suspend bool) {
	k.scene.t.Helper()
	k.scene.Edit(k.obj, "operator", func() { k.obj.Spec.Suspend = suspend })
}

// Change changes the spec or the labels of the Kustomization, as an operator would.
func (k *Kustomization) Change(change Setting) {
	k.scene.t.Helper()
	k.scene.Edit(k.obj, "operator", func() { change(k.obj) })
}

// Object returns the Kustomization as it was last seen.
func (k *Kustomization) Object() *kustomizev1.Kustomization { return k.obj }

func (k *Kustomization) wait(what string, done func() bool) {
	k.scene.t.Helper()
	k.scene.wait(what, Arrival, k.obj, func(exists bool) (bool, string) {
		return exists && done(), describe(k.obj.Generation, k.obj.Status.CommonStatus)
	})
}

// describe shows what a reader of the conditions would see.
func describe(generation int64, status meta.CommonStatus) string {
	parts := []string{fmt.Sprintf("generation %d, observed %d", generation, status.ObservedGeneration)}
	for _, c := range status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return strings.Join(parts, "\n  ")
}
