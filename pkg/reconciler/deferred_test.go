package reconciler_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// steps has every pass report its number, record it in the status and end with the
// next of the outcomes. It returns what the passes found recorded.
func (r *rig) steps(outs ...func() reconciler.Outcome) (found *[]string) {
	found = &[]string{}
	n := 0
	r.Kind.Record = func(obj *sourcev1.GitRepository, _ *scope, _ reconciler.Verdict) {
		obj.Status.ObservedIgnore = ptr(string(rune('0' + n)))
	}
	r.run(func(_ context.Context, s *scope) reconciler.Outcome {
		*found = append(*found, recorded(s.obj))
		out := outs[n]()
		n++
		s.Report(reconciler.Note{Reason: meta.ReasonProgressing, Message: string(rune('0' + n))})
		return out
	})
	return found
}

func ptr(s string) *string { return &s }

func recorded(obj *sourcev1.GitRepository) string {
	if obj.Status.ObservedIgnore == nil {
		return ""
	}
	return *obj.Status.ObservedIgnore
}

func (r *rig) waits() reconciler.Outcome {
	return reconciler.InProgress("awaiting", r.clock.Now().Add(time.Minute))
}

func (r *rig) messages() []string {
	out := []string{}
	for _, e := range r.reported() {
		out = append(out, e.Message)
	}
	return out
}

func (r *rig) expect(t *testing.T, why string, writes int, messages ...string) {
	t.Helper()
	if n := r.written(); n != writes {
		t.Errorf("%s: %d status patches, want %d", why, n, writes)
	}
	if diff := cmp.Diff(append([]string{}, messages...), r.messages()); diff != "" {
		t.Errorf("%s: events (-want +got):\n%s", why, diff)
	}
}

// TestWaitingIsSaidAfterASecond has an object wait for longer than that.
func TestWaitingIsSaidAfterASecond(t *testing.T) {
	r := newRig(t)
	found := r.steps(r.waits, r.waits, r.waits, r.waits)
	if result := r.pass(t); result.RequeueAfter != time.Second {
		t.Errorf("requeued after %s", result.RequeueAfter)
	}
	r.clock.Step(400 * time.Millisecond)
	if result := r.pass(t); result.RequeueAfter != 600*time.Millisecond {
		t.Errorf("requeued after %s", result.RequeueAfter)
	}
	r.expect(t, "before the second is over", 0)
	r.clock.Step(600 * time.Millisecond)
	if result := r.pass(t); result.RequeueAfter != time.Minute {
		t.Errorf("requeued after %s", result.RequeueAfter)
	}
	r.expect(t, "after it", 1, "1", "2", "3")
	if diff := cmp.Diff([]string{"Reconciling True Progressing", "Ready Unknown Progressing"}, conditions(r.now(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"", "1", "2"}, *found); diff != "" {
		t.Errorf("a pass begins from what the one before it left (-want +got):\n%s", diff)
	}
	r.clock.Step(time.Minute)
	if result := r.pass(t); result.RequeueAfter != time.Second {
		t.Errorf("a new wait is a new second, and not %s", result.RequeueAfter)
	}
}

// TestWaitingThatEndsWithinASecond writes what came within the second at once.
func TestWaitingThatEndsWithinASecond(t *testing.T) {
	ends := map[string]struct {
		why        string
		out        func() reconciler.Outcome
		err        bool
		conditions []string
		events     []string
	}{
		"Done":   {"success is written with the events that waited", done, false, []string{"Ready True Succeeded"}, []string{"1", "2"}},
		"Failed": {"a failure is reported after the events that waited", broken, true, []string{"Reconciling True ProgressingWithRetry", "Ready False GitOperationFailed"}, []string{"1", "2", "connection refused"}},
		"Parked": {
			"a pass that writes nothing of its own writes the deferred status", func() reconciler.Outcome { return reconciler.Park(time.Hour) }, false,
			[]string{"Reconciling True Progressing", "Ready Unknown Progressing"}, []string{"1"},
		},
	}
	for name, tc := range ends {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, requested("one"))
			found := r.steps(r.waits, tc.out)
			r.pass(t)
			r.clock.Step(300 * time.Millisecond)
			comment(t, r.direct, r.now(t), "theirs")
			if _, err := r.try(t); (err != nil) != tc.err {
				t.Errorf("error %v", err)
			}
			r.expect(t, tc.why, 1, tc.events...)
			obj := r.now(t)
			if diff := cmp.Diff(append(tc.conditions, foreign+" True Seen"), conditions(obj)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff([]string{"", "1"}, *found); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if handled := obj.Status.LastHandledReconcileAt == "one"; handled != (name != "Parked") {
				t.Errorf("handled %q", obj.Status.LastHandledReconcileAt)
			}
		})
	}
}

// TestSuccessIsDeferredForUrgentPasses writes nothing while urgent passes wait,
// for a second at most.
func TestSuccessIsDeferredForUrgentPasses(t *testing.T) {
	cases := map[string]struct {
		why    string
		calm   bool // after the first pass
		passes int
		writes int
		events []string
	}{
		"Calm":   {"the next pass writes", true, 2, 1, []string{"1", "2"}},
		"Urgent": {"it waits", false, 2, 0, nil},
		"Late":   {"a second is enough", false, 3, 1, []string{"1", "2", "3"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, requested("one"))
			urgent := true
			r.Urgent = func() bool { return urgent }
			r.steps(done, done, done)
			if result := r.pass(t); result.RequeueAfter != time.Millisecond {
				t.Errorf("requeued after %s", result.RequeueAfter)
			}
			r.expect(t, "at first", 0)
			urgent = !tc.calm
			for range tc.passes - 1 {
				r.clock.Step(500 * time.Millisecond)
				r.pass(t)
			}
			r.expect(t, tc.why, tc.writes, tc.events...)
		})
	}
	t.Run("Standing", func(t *testing.T) {
		r := newRig(t, requested("one"))
		r.Urgent = func() bool { return true }
		const few = 12 // at 0, 1, 2, 4 and so on up to 512 ms, and after a second
		r.steps(slices.Repeat([]func() reconciler.Outcome{done}, few)...)
		passes := 0
		for ; r.statusPatches == 0 && passes < few; passes++ {
			r.clock.Step(r.pass(t).RequeueAfter)
		}
		if passes != few || r.statusPatches != 1 {
			t.Errorf("%d passes, want %d, and %d writes, want one", passes, few, r.statusPatches)
		}
	})
	t.Run("Failure", func(t *testing.T) {
		r := newRig(t)
		r.Urgent = func() bool { return true }
		r.ends(broken())
		if _, err := r.try(t); err == nil {
			t.Error("no error")
		}
		r.expect(t, "what is wrong is said at once", 1, "connection refused")
	})
}

// TestDeferredAndOverruled has users change an object whose status is deferred.
func TestDeferredAndOverruled(t *testing.T) {
	t.Run("Deleted", func(t *testing.T) {
		r := newRig(t)
		r.steps(r.waits)
		r.pass(t)
		r.remove(t)
		r.Kind.Finalize = []phase{{Name: "remove", Run: func(_ context.Context, s *scope) reconciler.Outcome {
			if got := recorded(s.obj); got != "1" {
				t.Errorf("the deletion begins from %q", got)
			}
			return reconciler.Continue()
		}}}
		r.pass(t)
		if !r.gone(t) {
			t.Error("the object is still there")
		}
		r.expect(t, "its events are still sent", 0, "1")
	})
	t.Run("Suspended", func(t *testing.T) {
		r := newRig(t)
		r.steps(r.waits)
		r.pass(t)
		r.change(t, suspended)
		r.pass(t)
		r.expect(t, "a suspended object says how it was left", 1, "1")
		if got := recorded(r.now(t)); got != "1" {
			t.Errorf("recorded %q", got)
		}
	})
	t.Run("MadeAnew", func(t *testing.T) {
		r := newRig(t)
		found := r.steps(r.waits, done)
		r.pass(t)
		r.change(t, func(obj *sourcev1.GitRepository) { obj.Finalizers = nil })
		if err := r.direct.Delete(t.Context(), r.obj); err != nil {
			t.Fatal(err)
		}
		again := r.obj.DeepCopy()
		again.ResourceVersion, again.UID = "", ""
		if err := client.IgnoreAlreadyExists(r.direct.Create(t.Context(), again)); err != nil {
			t.Fatal(err)
		}
		r.pass(t)
		if diff := cmp.Diff([]string{"", ""}, *found); diff != "" {
			t.Errorf("another object begins anew (-want +got):\n%s", diff)
		}
		r.expect(t, "no event of the other object is reported of this one", 1, "2")
	})
}

// TestNothingIsDeferred checks that every status is written at once when the option says so.
func TestNothingIsDeferred(t *testing.T) {
	cases := map[string]struct {
		why string
		out func(*rig) reconciler.Outcome
	}{
		"Waiting": {"what it waits for may come at once, and it is written all the same", (*rig).waits},
		"Done":    {"others wait to be corrected, and it is written all the same", func(*rig) reconciler.Outcome { return done() }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.NoDefer, r.Urgent = true, func() bool { return true }
			r.steps(func() reconciler.Outcome { return tc.out(r) })
			r.pass(t)
			r.expect(t, tc.why, 1, "1")
		})
	}
}
