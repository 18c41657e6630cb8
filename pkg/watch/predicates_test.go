package watch_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	corev1 "k8s.io/api/core/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/watch"
)

func repository(change ...func(*sourcev1.GitRepository)) *sourcev1.GitRepository {
	obj := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: "repo", Generation: 1}}
	obj.Status.ObservedGeneration = 1
	for _, c := range change {
		c(obj)
	}
	return obj
}

func annotated(key, value string) func(*sourcev1.GitRepository) {
	return func(o *sourcev1.GitRepository) { metav1.SetMetaDataAnnotation(&o.ObjectMeta, key, value) }
}

func artifact(revision, digest string) func(*sourcev1.GitRepository) {
	return func(o *sourcev1.GitRepository) {
		o.Status.Artifact = &meta.Artifact{Revision: revision, Digest: digest}
	}
}

func ready(s metav1.ConditionStatus, message string) func(*sourcev1.GitRepository) {
	return func(o *sourcev1.GitRepository) {
		o.Status.Conditions = []metav1.Condition{{Type: meta.ConditionReady, Status: s, Message: message}}
	}
}

func generation(g int64) func(*sourcev1.GitRepository) {
	return func(o *sourcev1.GitRepository) { o.Generation = g }
}

func deleted(o *sourcev1.GitRepository) {
	at := metav1.NewTime(time.Unix(1, 0))
	o.DeletionTimestamp = &at
}

func TestUpdates(t *testing.T) {
	secret := &corev1.Secret{}
	cases := map[string]struct {
		why                       string
		before, after             client.Object
		asked, newArtifact, ready bool
	}{
		"Resync":            {"nothing differs", repository(), repository(), false, false, false},
		"Generation":        {"the user changed the spec; Ready is of the old one", repository(), repository(generation(2)), true, false, true},
		"FirstRequest":      {"the annotation appears", repository(), repository(annotated(meta.AnnotationRequestedAt, "a")), true, false, false},
		"NextRequest":       {"any change of the value is a request", repository(annotated(meta.AnnotationRequestedAt, "a")), repository(annotated(meta.AnnotationRequestedAt, "b")), true, false, false},
		"SameRequest":       {"another annotation beside it is none", repository(annotated(meta.AnnotationRequestedAt, "a")), repository(annotated(meta.AnnotationRequestedAt, "a"), annotated("x", "y")), false, false, false},
		"ForceAlone":        {"forceAt counts with requestedAt only", repository(), repository(annotated(meta.AnnotationForceAt, "a")), false, false, false},
		"Consent":           {"consent to a held deletion is acted on at once", repository(), repository(annotated(meta.AnnotationConfirmDeletion, "sha256:a")), true, false, false},
		"Deletion":          {"the finalizer has work to do", repository(), repository(deleted), true, false, false},
		"Labels":            {"labels are not part of what is asked", repository(), repository(func(o *sourcev1.GitRepository) { o.Labels = map[string]string{"a": "b"} }), false, false, false},
		"BecameReady":       {"dependents may go on", repository(), repository(ready("True", "x")), false, false, true},
		"LostReady":         {"dependents have to wait", repository(ready("True", "x")), repository(ready("False", "x")), false, false, true},
		"RevisionInMessage": {"the message names the revision that was applied", repository(ready("True", "Applied a")), repository(ready("True", "Applied b")), false, false, true},
		"Observed":          {"the generation is done", repository(generation(2)), repository(generation(2), func(o *sourcev1.GitRepository) { o.Status.ObservedGeneration = 2 }), false, false, true},
		"OtherCondition": {"only readiness lets dependents go on", repository(), repository(func(o *sourcev1.GitRepository) {
			o.Status.Conditions = []metav1.Condition{{Type: meta.ConditionHealthy}}
		}), false, false, false},
		"FirstArtifact":      {"the source has something to offer", repository(), repository(artifact("a", "d1")), false, true, false},
		"NewRevision":        {"a commit that changed nothing is still a revision to report", repository(artifact("a", "d1")), repository(artifact("b", "d1")), false, true, false},
		"NewDigest":          {"other ignore rules give other content of one revision", repository(artifact("a", "d1")), repository(artifact("a", "d2")), false, true, false},
		"SameArtifact":       {"a status write beside the artifact wakes nobody", repository(artifact("a", "d1")), repository(artifact("a", "d1"), ready("True", "x")), false, false, true},
		"ArtifactGone":       {"nothing to be had", repository(artifact("a", "d1")), repository(), false, false, false},
		"NoSource":           {"an object of another kind offers nothing and is never ready", secret, secret, false, false, false},
		"NewOneIsNoSource":   {"mixed kinds are refused", repository(artifact("a", "d1")), secret, true, false, false},
		"OldOneIsNoSource":   {"what was before is unknown, so the artifact counts as new", secret, repository(artifact("a", "d1")), true, true, false},
		"DeletedAndRemade":   {"a new object under the old name: the artifact is judged by itself", repository(deleted, artifact("a", "d1")), repository(artifact("b", "d2")), true, true, false},
		"GenerationOfSecret": {"the kind does not matter for what is asked", secret, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Generation: 2}}, true, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}
			if got := watch.Asked().Update(e); got != tc.asked {
				t.Errorf("%s: Asked passes %v", tc.why, got)
			}
			if got := watch.NewArtifact().Update(e); got != tc.newArtifact {
				t.Errorf("%s: NewArtifact passes %v", tc.why, got)
			}
			if got := watch.ReadyChanged().Update(e); got != tc.ready {
				t.Errorf("%s: ReadyChanged passes %v", tc.why, got)
			}
		})
	}
}

func TestEmptyUpdate(t *testing.T) {
	e := event.UpdateEvent{}
	if watch.Asked().Update(e) || watch.NewArtifact().Update(e) || watch.ReadyChanged().Update(e) {
		t.Error("an update without objects wakes somebody")
	}
}

func TestOtherEvents(t *testing.T) {
	with, without := repository(artifact("a", "d")), repository()
	cases := map[string]struct {
		why  string
		got  bool
		want bool
	}{
		"AskedCreate":           {"a new object is reconciled", watch.Asked().Create(event.CreateEvent{Object: without}), true},
		"AskedDelete":           {"its state has to go", watch.Asked().Delete(event.DeleteEvent{Object: without}), true},
		"AskedGeneric":          {"whoever sends a generic event means it", watch.Asked().Generic(event.GenericEvent{Object: without}), true},
		"ArtifactCreate":        {"after a restart every source with an artifact counts", watch.NewArtifact().Create(event.CreateEvent{Object: with}), true},
		"ArtifactCreateWithout": {"a source without one does not", watch.NewArtifact().Create(event.CreateEvent{Object: without}), false},
		"ArtifactDelete":        {"a source that went away deletes nothing", watch.NewArtifact().Delete(event.DeleteEvent{Object: with}), false},
		"ArtifactGeneric":       {"not from a source", watch.NewArtifact().Generic(event.GenericEvent{Object: with}), false},
		"ReadyCreate":           {"a dependency that appears", watch.ReadyChanged().Create(event.CreateEvent{Object: with}), true},
		"ReadyDelete":           {"a dependency that goes", watch.ReadyChanged().Delete(event.DeleteEvent{Object: with}), true},
		"ReadyGeneric":          {"not from a dependency", watch.ReadyChanged().Generic(event.GenericEvent{Object: with}), false},
	}
	for name, tc := range cases {
		if tc.got != tc.want {
			t.Errorf("%s: %s, passes %v", name, tc.why, tc.got)
		}
	}
}
