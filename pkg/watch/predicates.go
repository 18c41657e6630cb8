package watch

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Asked passes what a user did to an object of the kind itself: a new object, a
// new generation, a new value of the annotation that asks for a reconcile, a
// deletion, and consent to a held deletion. Status writes, our own among them,
// do not pass.
func Asked() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			if e.ObjectOld == nil || e.ObjectNew == nil {
				return false
			}
			return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
				e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero() ||
				annotationChanged(e, meta.AnnotationRequestedAt) || annotationChanged(e, meta.AnnotationConfirmDeletion)
		},
		GenericFunc: func(event.GenericEvent) bool { return true },
	}
}

func annotationChanged(e event.UpdateEvent, key string) bool {
	return e.ObjectOld.GetAnnotations()[key] != e.ObjectNew.GetAnnotations()[key]
}

// NewArtifact passes when a source offers another artifact than before.
func NewArtifact() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return artifactOf(e.Object) != nil },
		UpdateFunc: func(e event.UpdateEvent) bool {
			now := artifactOf(e.ObjectNew)
			before := artifactOf(e.ObjectOld)
			return now != nil && (before == nil || before.Digest != now.Digest || before.Revision != now.Revision)
		},
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

func artifactOf(obj client.Object) *meta.Artifact {
	source, ok := obj.(meta.Source)
	if !ok {
		return nil
	}
	return source.GetArtifact()
}

// ReadyChanged passes when the readiness of an object, or the revision it
// reports, may have changed: its conditions or observed generation differ.
func ReadyChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(meta.Reconciled)
			if !ok {
				return false
			}
			now, ok := e.ObjectNew.(meta.Reconciled)
			return ok && readiness(before) != readiness(now)
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

type ready struct {
	generation, observed int64
	status, message      string
}

func readiness(obj meta.Reconciled) ready {
	r := ready{generation: obj.GetGeneration(), observed: obj.CommonStatus().ObservedGeneration}
	for _, c := range obj.CommonStatus().Conditions {
		if c.Type == meta.ConditionReady {
			r.status, r.message = string(c.Status), c.Message
		}
	}
	return r
}
