package reconciler_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

func suspended(obj *sourcev1.GitRepository) { obj.Spec.Suspend = true }

// never fails the test when a phase runs.
func never(t *testing.T) func(context.Context, *scope) reconciler.Outcome {
	t.Helper()
	return func(context.Context, *scope) reconciler.Outcome {
		t.Error("a phase ran")
		return done()
	}
}

func TestSuspended(t *testing.T) {
	r := newRig(t, suspended, requested("one"))
	r.run(never(t))
	if result := r.pass(t); !result.IsZero() {
		t.Errorf("a suspended object is requeued after %s", result.RequeueAfter)
	}
	obj := r.now(t)
	if diff := cmp.Diff([]string{meta.Finalizer}, obj.Finalizers); diff != "" {
		t.Errorf("its deletion still has to be seen (-want +got):\n%s", diff)
	}
	if obj.Status.LastHandledReconcileAt != "one" || len(obj.Status.Conditions) != 0 {
		t.Errorf("the request is recorded and nothing else: %+v", obj.Status)
	}
	r.pass(t)
	if again := r.now(t); again.ResourceVersion != obj.ResourceVersion {
		t.Error("a second look wrote something")
	}
	if got := r.reported(); len(got) != 0 {
		t.Errorf("events %v", got)
	}
}

func TestSuspendedWhileNotReady(t *testing.T) {
	r := newRig(t)
	r.ends(broken())
	if _, err := r.try(t); err == nil {
		t.Fatal("no error")
	}
	r.change(t, suspended)
	before := r.now(t)
	r.pass(t)
	if diff := cmp.Diff(before.Status, r.now(t).Status); diff != "" {
		t.Errorf("a suspended object keeps its status (-before +after):\n%s", diff)
	}
}

// remove asks for the deletion of the object.
func (r *rig) remove(t *testing.T) {
	t.Helper()
	if err := r.direct.Delete(t.Context(), r.obj); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) gone(t *testing.T) bool {
	t.Helper()
	err := r.direct.Get(t.Context(), client.ObjectKeyFromObject(r.obj), &sourcev1.GitRepository{})
	return apierrors.IsNotFound(err)
}

func TestDeletion(t *testing.T) {
	cases := map[string]func(*sourcev1.GitRepository){
		"Living":    func(*sourcev1.GitRepository) {},
		"Suspended": suspended,
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, change)
			r.ends(done())
			r.pass(t)
			r.run(never(t))
			r.remove(t)
			out := reconciler.Fail(fault.Retry(meta.ReasonGarbageCollectionFailed, errors.New("disk is busy")))
			r.Kind.Finalize = []phase{{Name: "remove", Run: func(_ context.Context, s *scope) reconciler.Outcome {
				s.Report(reconciler.Note{Reason: meta.ReasonSucceeded, Message: "removing"})
				return out
			}}}
			if _, err := r.try(t); err == nil {
				t.Fatal("no error")
			}
			obj := r.now(t)
			if diff := cmp.Diff([]string{meta.Finalizer}, obj.Finalizers); diff != "" {
				t.Errorf("an object whose remains are still there stays (-want +got):\n%s", diff)
			}
			want := []string{"Reconciling True ProgressingWithRetry", "Ready False GarbageCollectionFailed"}
			if diff := cmp.Diff(want, conditions(obj)); diff != "" {
				t.Errorf("and says why (-want +got):\n%s", diff)
			}
			r.reported()
			out = reconciler.Continue()
			if result := r.pass(t); !result.IsZero() {
				t.Errorf("requeued after %s", result.RequeueAfter)
			}
			if !r.gone(t) {
				t.Error("the object is still there")
			}
			if diff := cmp.Diff([]event{{reconciler.Info, meta.ReasonSucceeded, "removing"}}, r.reported()); diff != "" {
				t.Errorf("the notes of the phases become events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeletionWaits(t *testing.T) {
	r := newRig(t)
	r.ends(done())
	r.pass(t)
	r.remove(t)
	r.Kind.Finalize = []phase{{Name: "remove", Run: func(context.Context, *scope) reconciler.Outcome {
		return reconciler.InProgress("awaiting the end of the objects", r.clock.Now().Add(time.Minute))
	}}}
	r.pass(t)
	r.clock.Step(time.Second)
	if result := r.pass(t); result.RequeueAfter != time.Minute {
		t.Errorf("requeued after %s", result.RequeueAfter)
	}
	if r.gone(t) {
		t.Error("the object went before its remains")
	}
}

func TestDeletionLeavesForeignFinalizers(t *testing.T) {
	const foreignFinalizer = "example.com/keep"
	r := newRig(t, func(obj *sourcev1.GitRepository) { obj.Finalizers = []string{foreignFinalizer} })
	r.ends(done())
	r.pass(t)
	r.remove(t)
	r.pass(t)
	if diff := cmp.Diff([]string{foreignFinalizer}, r.now(t).Finalizers); diff != "" {
		t.Errorf("only our finalizer goes (-want +got):\n%s", diff)
	}
	r.Kind.Finalize = []phase{{Name: "remove", Run: never(t)}}
	if result := r.pass(t); !result.IsZero() {
		t.Errorf("what is not ours any more is requeued after %s", result.RequeueAfter)
	}
}

func TestDeletionMetWithAConflict(t *testing.T) {
	r := newRig(t)
	r.ends(done())
	r.pass(t)
	r.remove(t)
	r.Kind.Finalize = []phase{{Name: "remove", Run: func(context.Context, *scope) reconciler.Outcome {
		r.change(t, func(obj *sourcev1.GitRepository) { obj.Labels = map[string]string{"touched": "meanwhile"} })
		return reconciler.Continue()
	}}}
	if diff := cmp.Diff(atOnce(), r.pass(t)); diff != "" {
		t.Errorf("a conflict is tried again at once (-want +got):\n%s", diff)
	}
	r.Kind.Finalize = nil
	r.pass(t)
	if !r.gone(t) {
		t.Error("the object is still there")
	}
}
