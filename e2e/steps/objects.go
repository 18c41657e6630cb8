package steps

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/capstan-gitops/capstan/e2e/world"
)

// RunsImage waits until a Deployment of the scene's namespace runs an image in all its pods.
func (s *Scene) RunsImage(name, image string) { s.t.Helper(); s.Runs(Deployment(name), image) }

// Runs waits until a Deployment runs an image in all its pods.
func (s *Scene) Runs(d *appsv1.Deployment, image string) {
	s.t.Helper()
	s.Becomes("runs "+image, Arrival, d, func() bool {
		return d.Spec.Template.Spec.Containers[0].Image == image && d.Status.ObservedGeneration == d.Generation &&
			d.Status.UpdatedReplicas == *d.Spec.Replicas && d.Status.AvailableReplicas == *d.Spec.Replicas &&
			d.Status.Replicas == *d.Spec.Replicas
	})
}

// Becomes waits until an object is as a sentence says.
func (s *Scene) Becomes(what string, patience time.Duration, obj client.Object, done func() bool) {
	s.t.Helper()
	sentence := s.nameOf(obj) + " " + what
	s.wait(sentence, patience, s.place(obj), func(exists bool) (bool, string) {
		return exists && done(), fmt.Sprintf("exists: %t, generation %d, resource version %s", exists, obj.GetGeneration(), obj.GetResourceVersion())
	})
}

// Exists waits until objects are there.
func (s *Scene) Exists(objects ...client.Object) {
	s.t.Helper()
	for _, obj := range objects {
		s.Becomes("exists", Arrival, obj, func() bool { return true })
	}
}

// Vanishes waits until objects are gone.
func (s *Scene) Vanishes(objects ...client.Object) {
	s.t.Helper()
	for _, obj := range objects {
		s.wait(s.nameOf(obj)+" is gone", Disappearance, s.place(obj), func(exists bool) (bool, string) {
			return !exists, "deletion asked for at " + fmt.Sprint(obj.GetDeletionTimestamp())
		})
	}
}

// IsAbsent checks that objects are not there now.
func (s *Scene) IsAbsent(objects ...client.Object) {
	s.t.Helper()
	for _, obj := range objects {
		err := s.client.Get(s.t.Context(), client.ObjectKeyFromObject(s.place(obj)), obj)
		if !apierrors.IsNotFound(err) {
			s.t.Fatalf("%s should not exist (%v)", s.nameOf(obj), err)
		}
	}
}

// UID returns the identity of an object that exists.
func (s *Scene) UID(obj client.Object) types.UID {
	s.t.Helper()
	s.must("reading "+obj.GetName(), s.client.Get(s.t.Context(), client.ObjectKeyFromObject(s.place(obj)), obj))
	return obj.GetUID()
}

// IsSame checks that an object was never deleted and made anew.
func (s *Scene) IsSame(obj client.Object, uid types.UID) {
	s.t.Helper()
	if now := s.UID(obj); now != uid {
		s.t.Fatalf("%s was deleted and made anew: its UID was %s and is %s", s.nameOf(obj), uid, now)
	}
}

// StaysUnchanged watches an object and fails if it changes.
func (s *Scene) StaysUnchanged(obj client.Object, during time.Duration) {
	s.t.Helper()
	s.StayUnchanged(during, obj)
}

// KeepsItsSpec watches an object and fails if what is asked of it changes. Its status may.
func (s *Scene) KeepsItsSpec(obj client.Object, during time.Duration) {
	s.t.Helper()
	over := errors.New("it is over")
	ctx, cancel := context.WithTimeoutCause(s.t.Context(), during, over)
	defer cancel()
	s.log(fmt.Sprintf("  watching the spec of %s for %s", s.nameOf(s.place(obj)), during))
	err := s.awaitChange(ctx, obj, func() string { return strconv.FormatInt(obj.GetGeneration(), 10) })
	if !errors.Is(err, over) {
		s.t.Fatalf("%s changed (%v); its field managers:%s", s.nameOf(obj), err, managers(obj))
	}
}

// StayUnchanged watches objects at the same time and fails if one changes.
func (s *Scene) StayUnchanged(during time.Duration, objects ...client.Object) {
	s.t.Helper()
	over := errors.New("it is over")
	ctx, cancel := context.WithTimeoutCause(s.t.Context(), during, over)
	defer cancel()
	var watches sync.WaitGroup
	results := make([]error, len(objects))
	for i, obj := range objects {
		s.log(fmt.Sprintf("  watching %s for %s", s.nameOf(s.place(obj)), during))
		watches.Go(func() { results[i] = s.awaitChange(ctx, obj, obj.GetResourceVersion) })
	}
	watches.Wait()
	for i, err := range results {
		if !errors.Is(err, over) {
			s.t.Errorf("%s changed (%v); its field managers:%s", s.nameOf(objects[i]), err, managers(objects[i]))
		}
	}
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// awaitChange returns nil as soon as the value of an object is not what it was at first.
func (s *Scene) awaitChange(ctx context.Context, obj client.Object, value func() string) error {
	first := ""
	return world.Await(ctx, s.client, obj, func(exists bool) bool {
		if first == "" {
			first = value()
		}
		return !exists || value() != first
	})
}

func managers(obj client.Object) string {
	text := ""
	for _, entry := range obj.GetManagedFields() {
		text += fmt.Sprintf("\n  %s %s %s at %s", entry.Manager, entry.Operation, entry.Subresource, entry.Time)
	}
	return text
}

// Edit changes an object by hand: read, change, write, under the name of a field manager.
func (s *Scene) Edit(obj client.Object, manager string, change func()) {
	s.t.Helper()
	s.place(obj)
	// As a person does who goes on while controllers write to the object.
	patience := wait.Backoff{Steps: 12, Duration: 10 * time.Millisecond, Factor: 1.5, Jitter: 0.1}
	err := retry.RetryOnConflict(patience, func() error {
		if err := s.client.Get(s.t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		change()
		return s.client.Update(s.t.Context(), obj, client.FieldOwner(manager))
	})
	s.must("editing "+s.nameOf(obj), err)
	s.log("  " + manager + " edited " + s.nameOf(obj))
}

// Create creates objects by hand.
func (s *Scene) Create(objects ...client.Object) {
	s.t.Helper()
	for _, obj := range objects {
		s.must("creating "+s.nameOf(obj), s.client.Create(s.t.Context(), s.place(obj)))
		s.log("  created " + s.nameOf(obj))
	}
}

// Delete deletes an object by hand.
func (s *Scene) Delete(obj client.Object) {
	s.t.Helper()
	s.must("deleting "+s.nameOf(obj), s.client.Delete(s.t.Context(), s.place(obj)))
}

func (s *Scene) nameOf(obj client.Object) string {
	gvk, err := apiutil.GVKForObject(obj, s.client.Scheme())
	s.must("naming an object", err)
	return gvk.Kind + " " + obj.GetName()
}
