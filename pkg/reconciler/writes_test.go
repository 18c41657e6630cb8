package reconciler_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

func TestForeignConditionSurvives(t *testing.T) {
	cases := map[string]struct {
		why string
		at  func(*testing.T, *rig)
	}{
		"BeforeThePass": {
			why: "what others wrote earlier stays",
			at:  func(t *testing.T, r *rig) { comment(t, r.direct, r.now(t), "theirs") },
		},
		"DuringThePass": {
			why: "what others wrote while the phases ran stays",
			at: func(t *testing.T, r *rig) {
				r.run(func(context.Context, *scope) reconciler.Outcome {
					comment(t, r.direct, r.now(t), "theirs")
					return done()
				})
			},
		},
		"DuringTheWrite": {
			why: "what others wrote at the last moment stays",
			at: func(t *testing.T, r *rig) {
				r.beforeStatus = func(n int) error {
					if n == 1 {
						comment(t, r.direct, r.now(t), "theirs")
					}
					return nil
				}
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.ends(done())
			tc.at(t, r)
			r.pass(t)
			obj := r.now(t)
			if diff := cmp.Diff([]string{"Ready True Succeeded", foreign + " True Seen"}, conditions(obj)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if got := message(obj, foreign); got != "theirs" {
				t.Errorf("%s: it now says %q", tc.why, got)
			}
			if obj.Status.ObservedGeneration != obj.Generation {
				t.Errorf("our own write got lost: %+v", obj.Status)
			}
		})
	}
}

// TestNewerForeignConditionWins says that our copy of a condition which is not
// ours never overwrites what its owner wrote since.
func TestNewerForeignConditionWins(t *testing.T) {
	r := newRig(t)
	comment(t, r.direct, r.now(t), "old")
	r.run(func(context.Context, *scope) reconciler.Outcome {
		comment(t, r.direct, r.now(t), "new")
		return done()
	})
	r.pass(t)
	if got := message(r.now(t), foreign); got != "new" {
		t.Errorf("it says %q", got)
	}
}

func TestEndlessConflicts(t *testing.T) {
	r := newRig(t)
	r.ends(done())
	r.beforeStatus = func(int) error {
		r.change(t, func(obj *sourcev1.GitRepository) {
			obj.Labels = map[string]string{"touched": obj.ResourceVersion}
		})
		return nil
	}
	_, err := r.try(t)
	if !apierrors.IsConflict(err) {
		t.Errorf("somebody writes all the time; got %v", err)
	}
	if n := r.written(); n != 6 {
		t.Errorf("tried %d times", n)
	}
	if got := r.reported(); len(got) != 0 {
		t.Errorf("events of a status that was not written: %v", got)
	}
}

func TestWriteErrors(t *testing.T) {
	r := newRig(t)
	r.ends(done())
	r.beforeStatus = func(int) error { return errors.New("quota exceeded") }
	if _, err := r.try(t); err == nil {
		t.Error("a status that could not be written is forgotten")
	}
	if got := r.reported(); len(got) != 0 {
		t.Errorf("an event reports what the status does not show: %v", got)
	}
}

// remake deletes the object and makes it anew under the same name.
func (r *rig) remake(t *testing.T) {
	t.Helper()
	r.change(t, func(obj *sourcev1.GitRepository) { obj.Finalizers = nil })
	r.remove(t)
	again := &sourcev1.GitRepository{Spec: r.obj.Spec}
	again.Namespace, again.Name = r.obj.Namespace, r.obj.Name
	if err := r.direct.Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
}

func TestObjectMadeAnewMeanwhile(t *testing.T) {
	r := newRig(t)
	r.run(func(context.Context, *scope) reconciler.Outcome {
		r.remake(t)
		return done()
	})
	r.pass(t)
	if obj := r.now(t); len(obj.Status.Conditions) != 0 {
		t.Errorf("the new object got the status of the old one: %v", conditions(obj))
	}
}

func TestObjectGoneMeanwhile(t *testing.T) {
	r := newRig(t)
	r.run(func(context.Context, *scope) reconciler.Outcome {
		r.change(t, func(obj *sourcev1.GitRepository) { obj.Finalizers = nil })
		r.remove(t)
		return done()
	})
	if result := r.pass(t); !result.IsZero() {
		t.Errorf("an object that is gone is requeued after %s", result.RequeueAfter)
	}
}

// TestStaleCache says that a pass never starts from a status older than what the
// last one wrote: it would forget what was done.
func TestStaleCache(t *testing.T) {
	r := newRig(t)
	old := r.now(t)
	r.ends(done())
	r.pass(t)
	r.onGet = func(obj *sourcev1.GitRepository) error {
		old.DeepCopyInto(obj)
		return nil
	}
	seen := ""
	r.run(func(_ context.Context, s *scope) reconciler.Outcome {
		seen = s.obj.ResourceVersion
		return done()
	})
	before := r.now(t)
	r.pass(t)
	if seen != before.ResourceVersion {
		t.Errorf("the pass started from version %s, ours was %s", seen, before.ResourceVersion)
	}
	if after := r.now(t); after.ResourceVersion != before.ResourceVersion {
		t.Error("a stale cache made the pass write something")
	}
}

// TestCacheThatCaughtUp says that the API server is read only while the cache is
// behind.
func TestCacheThatCaughtUp(t *testing.T) {
	r := newRig(t)
	r.ends(done())
	r.pass(t)
	r.Live = unreadable{}
	r.pass(t)
	r.remake(t)
	r.pass(t) // another object under the same name is not older than the old one
	if diff := cmp.Diff([]string{"Ready True Succeeded"}, conditions(r.now(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// unreadable is an API server that cannot be read.
type unreadable struct{ client.Reader }

func (unreadable) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("read without need")
}

func TestFinalizerConflict(t *testing.T) {
	r := newRig(t)
	r.run(never(t))
	r.onGet = func(*sourcev1.GitRepository) error {
		r.change(t, func(obj *sourcev1.GitRepository) { obj.Finalizers = append(obj.Finalizers, "example.com/keep") })
		return nil
	}
	if diff := cmp.Diff(atOnce(), r.pass(t)); diff != "" {
		t.Errorf("a conflict is tried again at once (-want +got):\n%s", diff)
	}
	r.onGet = nil
	r.ends(done())
	r.pass(t)
	if diff := cmp.Diff([]string{"example.com/keep", meta.Finalizer}, r.now(t).Finalizers); diff != "" {
		t.Errorf("nobody's finalizer is lost (-want +got):\n%s", diff)
	}
}
