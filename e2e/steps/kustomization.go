package steps

import (
	"fmt"
	"slices"
	"strings"
	"time"

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

// Sync applies a folder of the repository to the scene's namespace, by a Kustomization of the folder's name that prunes
// and waits for health.
func (r *Repository) Sync(folder string, changes ...func(*kustomizev1.Kustomization)) *Kustomization {
	s := r.scene
	s.t.Helper()
	obj := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: folder}}
	obj.Spec = kustomizev1.KustomizationSpec{
		Interval: meta.NewDuration(Rare), RetryInterval: meta.NewDuration(Retry), Timeout: meta.NewDuration(Patience),
		Path: "./" + folder, Prune: true, Wait: true, TargetNamespace: s.Namespace,
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Name: r.source.Name},
	}
	for _, change := range changes {
		change(obj)
	}
	s.must("creating the Kustomization", s.world.Client.Create(s.t.Context(), obj.DeepCopy()))
	return &Kustomization{scene: s, obj: obj}
}

// Every sets the interval of a Kustomization.
func Every(interval time.Duration) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) { k.Spec.Interval = meta.NewDuration(interval) }
}

// FetchedEvery sets the interval of a GitRepository.
func FetchedEvery(interval time.Duration) func(*sourcev1.GitRepository) {
	return func(g *sourcev1.GitRepository) { g.Spec.Interval = meta.NewDuration(interval) }
}

// Substitute sets a variable that is substituted in what is built.
func Substitute(name, value string) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) {
		k.Spec.PostBuild = &kustomizev1.PostBuild{Substitute: map[string]string{name: value}}
	}
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
			!slices.ContainsFunc(causes, func(cause string) bool { return !strings.Contains(ready.Message, cause) })
	})
}

// Holds waits until the Kustomization holds back so many deletions, and returns the digest that consents to them.
func (k *Kustomization) Holds(count int64) string {
	k.scene.t.Helper()
	k.wait(fmt.Sprintf("Kustomization %s holds back %d deletions", k.obj.Name, count), func() bool {
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

// Consent annotates the Kustomization with consent to what it holds back.
func (k *Kustomization) Consent(digest string) {
	k.scene.t.Helper()
	k.scene.annotate(k.obj, meta.AnnotationConfirmDeletion, digest)
}

// Suspend suspends the Kustomization, or lets it go on.
func (k *Kustomization) Suspend(suspend bool) {
	k.scene.t.Helper()
	k.scene.Edit(k.obj, "operator", func() { k.obj.Spec.Suspend = suspend })
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
