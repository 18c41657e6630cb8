package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/status"
)

func done() reconciler.Outcome { return reconciler.Done(meta.ReasonSucceeded, "stored") }

func broken() reconciler.Outcome {
	return reconciler.Fail(fault.Retry(meta.ReasonGitOperationFailed, errors.New("connection refused")))
}

func atOnce() ctrl.Result { return ctrl.Result{RequeueAfter: time.Millisecond} }

func TestFirstPassAndQuiet(t *testing.T) {
	r := newRig(t)
	r.ends(done())
	if result := r.pass(t); result.RequeueAfter != interval {
		t.Errorf("rests for %s", result.RequeueAfter)
	}
	obj := r.now(t)
	if diff := cmp.Diff([]string{meta.Finalizer}, obj.Finalizers); diff != "" {
		t.Errorf("its deletion has to be seen (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Ready True Succeeded"}, conditions(obj)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if obj.Status.ObservedGeneration != obj.Generation {
		t.Errorf("observed generation %d of %d", obj.Status.ObservedGeneration, obj.Generation)
	}
	if n := r.written(); n != 1 {
		t.Errorf("a pass took %d status patches", n)
	}
	for _, entry := range obj.ManagedFields {
		if entry.Subresource == "status" && entry.Manager != "test-controller" {
			t.Errorf("the status was written by %s", entry.Manager)
		}
	}

	r.clock.Step(time.Hour)
	r.pass(t)
	if again := r.now(t); again.ResourceVersion != obj.ResourceVersion || r.written() != 0 {
		t.Error("a pass that changed nothing wrote something")
	}
}

// TestOutcomes has a case for each way in which a phase can end: what users see,
// and when the object is reconciled again.
func TestOutcomes(t *testing.T) {
	cause := errors.New("connection refused")
	retrying := func(d time.Duration) func(*kind) {
		return func(k *kind) {
			k.Timing = func(*sourcev1.GitRepository) (reconciler.Timing, error) {
				return reconciler.Timing{Interval: interval, Retry: d}, nil
			}
		}
	}
	deadline := func(r *rig, d time.Duration) time.Time { return r.clock.Now().Add(d) }
	cases := map[string]struct {
		why        string
		out        func(*rig) reconciler.Outcome
		kind       func(*kind)
		result     ctrl.Result
		err        bool
		conditions []string
		events     []event
	}{
		"Done": {
			why:        "the goal is reached; a new object that changed nothing has no event",
			out:        func(*rig) reconciler.Outcome { return done() },
			result:     ctrl.Result{RequeueAfter: interval},
			conditions: []string{"Ready True Succeeded"},
			events:     []event{},
		},
		"Wait": {
			why: "the watch requeues it; the fallback requeue covers a lost event",
			out: func(*rig) reconciler.Outcome {
				return reconciler.Fail(fault.Wait(meta.ReasonDependencyNotReady, cause))
			},
			result:     ctrl.Result{RequeueAfter: fallback},
			conditions: []string{"Reconciling True Progressing", "Ready False DependencyNotReady"},
			events:     []event{{reconciler.Info, meta.ReasonDependencyNotReady, "connection refused"}},
		},
		"WaitWithRequeue": {
			why: "a fault may say when to requeue",
			out: func(*rig) reconciler.Outcome {
				return reconciler.Fail(fault.Wait(meta.ReasonDependencyNotReady, cause, fault.After(time.Hour)))
			},
			result:     ctrl.Result{RequeueAfter: time.Hour},
			conditions: []string{"Reconciling True Progressing", "Ready False DependencyNotReady"},
			events:     []event{{reconciler.Info, meta.ReasonDependencyNotReady, "connection refused"}},
		},
		"InProgressLate": {
			why:        "a deadline that has passed is now, and not never",
			out:        func(r *rig) reconciler.Outcome { return reconciler.InProgress("awaiting", deadline(r, -time.Minute)) },
			result:     atOnce(),
			conditions: []string{"Reconciling True Progressing", "Ready Unknown Progressing"},
			events:     []event{},
		},
		"RetryWithBackOff": {
			why:        "without a retry interval the work queue backs off",
			out:        func(*rig) reconciler.Outcome { return broken() },
			err:        true,
			conditions: []string{"Reconciling True ProgressingWithRetry", "Ready False GitOperationFailed"},
			events:     []event{{reconciler.Error, meta.ReasonGitOperationFailed, "connection refused"}},
		},
		"RetryWithInterval": {
			why:        "the object's own retry interval",
			out:        func(*rig) reconciler.Outcome { return broken() },
			kind:       retrying(time.Minute),
			result:     ctrl.Result{RequeueAfter: time.Minute},
			conditions: []string{"Reconciling True ProgressingWithRetry", "Ready False GitOperationFailed"},
			events:     []event{{reconciler.Error, meta.ReasonGitOperationFailed, "connection refused"}},
		},
		"Unclassified": {
			why:        "an error that nobody classified may pass",
			out:        func(*rig) reconciler.Outcome { return reconciler.Fail(cause) },
			err:        true,
			conditions: []string{"Reconciling True ProgressingWithRetry", "Ready False ReconciliationFailed"},
			events:     []event{{reconciler.Error, meta.ReasonReconciliationFailed, "connection refused"}},
		},
		"Stalled": {
			why: "it rests until its spec changes",
			out: func(*rig) reconciler.Outcome {
				return reconciler.Fail(fault.Stalled(meta.ReasonAccessDenied, cause, fault.Hint("ask the owner")))
			},
			conditions: []string{"Stalled True AccessDenied", "Ready False AccessDenied"},
			events:     []event{{reconciler.Error, meta.ReasonAccessDenied, "connection refused: ask the owner"}},
		},
		"Superseded": {
			why:        "the newer revision is reconciled at once",
			out:        func(*rig) reconciler.Outcome { return reconciler.Superseded("a newer revision arrived") },
			result:     atOnce(),
			conditions: []string{"Reconciling True Progressing", "Ready Unknown Progressing"},
			events:     []event{},
		},
		"Park": {
			why:        "nothing is written and no event is sent",
			out:        func(*rig) reconciler.Outcome { return reconciler.Park(time.Minute) },
			result:     ctrl.Result{RequeueAfter: time.Minute},
			conditions: []string{},
			events:     []event{},
		},
		"Conflict": {
			why: "a conflict that a phase met is about another object, and stays until somebody mends that",
			out: func(*rig) reconciler.Outcome {
				return reconciler.Fail(apierrors.NewConflict(schema.GroupResource{Resource: "r"}, "n", cause))
			},
			kind:       retrying(time.Minute),
			result:     ctrl.Result{RequeueAfter: time.Minute},
			conditions: []string{"Reconciling True ProgressingWithRetry", "Ready False ReconciliationFailed"},
			events:     []event{{reconciler.Error, meta.ReasonReconciliationFailed, `Operation cannot be fulfilled on r "n": connection refused`}},
		},
		"CanceledWithin": {
			why: "something inside the phase gave up; the pass was not interrupted",
			out: func(*rig) reconciler.Outcome {
				return reconciler.Fail(fault.Retry(meta.ReasonGitOperationFailed, fmt.Errorf("fetching: %w", context.Canceled)))
			},
			kind:       retrying(time.Minute),
			result:     ctrl.Result{RequeueAfter: time.Minute},
			conditions: []string{"Reconciling True ProgressingWithRetry", "Ready False GitOperationFailed"},
			events:     []event{{reconciler.Error, meta.ReasonGitOperationFailed, "fetching: context canceled"}},
		},
		"GoneWithin": {
			why: "an object that a phase needs is not there; the object of the pass is",
			out: func(*rig) reconciler.Outcome {
				return reconciler.Fail(apierrors.NewNotFound(schema.GroupResource{Resource: "r"}, "n"))
			},
			kind:       retrying(time.Minute),
			result:     ctrl.Result{RequeueAfter: time.Minute},
			conditions: []string{"Reconciling True ProgressingWithRetry", "Ready False ReconciliationFailed"},
			events:     []event{{reconciler.Error, meta.ReasonReconciliationFailed, `r "n" not found`}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if tc.kind != nil {
				tc.kind(&r.Kind)
			}
			r.ends(tc.out(r))
			result, err := r.try(t)
			if (err != nil) != tc.err {
				t.Errorf("%s: error %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.result, result); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.conditions, conditions(r.now(t))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.events, r.reported()); diff != "" {
				t.Errorf("%s: events (-want +got):\n%s", tc.why, diff)
			}
			if stalled := slices.ContainsFunc(tc.conditions, func(c string) bool { return strings.HasPrefix(c, "Stalled") }); !stalled && err == nil && result.RequeueAfter == 0 {
				t.Errorf("%s: nothing brings the object back", tc.why)
			}
			before := r.now(t)
			r.clock.Step(time.Hour)
			if _, err := r.try(t); (err != nil) != tc.err {
				t.Errorf("the second time: error %v", err)
			}
			if after := r.now(t); after.ResourceVersion != before.ResourceVersion {
				t.Errorf("%s: the same outcome again wrote the object", tc.why)
			}
			if again := r.reported(); len(again) != 0 {
				t.Errorf("%s: the same outcome was reported again: %v", tc.why, again)
			}
		})
	}
}

// TestInterrupted ends the process while a phase runs: that is no failure of the object,
// so nothing is written or reported, and the pass is made again.
func TestInterrupted(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	var end reconciler.Outcome
	r.Kind.End = func(_ *scope, out reconciler.Outcome) { end = out }
	r.run(func(ctx context.Context, _ *scope) reconciler.Outcome {
		cancel()
		return reconciler.Fail(fmt.Errorf("fetching: %w", ctx.Err()))
	})
	result, err := r.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(r.obj)})
	if err != nil || result.RequeueAfter != time.Millisecond {
		t.Errorf("requeued after %s, error %v", result.RequeueAfter, err)
	}
	if end.Failed() || end.Succeeded() {
		t.Error("an interrupted pass has neither failed nor succeeded")
	}
	if got := conditions(r.now(t)); len(got) != 0 || len(r.reported()) != 0 {
		t.Errorf("something was said: %v", got)
	}
}

// TestLimit ends a pass that takes longer than it may: that is a failure with the reason
// of the phase that was cut short, and names the limit.
func TestLimit(t *testing.T) {
	r := newRig(t)
	r.Kind.Limit = func(*scope) time.Duration { return time.Minute }
	r.Kind.Timing = func(*sourcev1.GitRepository) (reconciler.Timing, error) {
		return reconciler.Timing{Interval: interval, Retry: time.Hour}, nil
	}
	r.run(func(context.Context, *scope) reconciler.Outcome { return reconciler.Continue() },
		func(ctx context.Context, _ *scope) reconciler.Outcome {
			r.clock.Step(time.Minute)
			<-ctx.Done()
			return reconciler.Fail(fault.Retry(meta.ReasonBuildFailed, fmt.Errorf("building: %w", ctx.Err())))
		})
	if result := r.pass(t); result.RequeueAfter != time.Hour {
		t.Errorf("made again after %s", result.RequeueAfter)
	}
	if diff := cmp.Diff([]event{{reconciler.Error, meta.ReasonBuildFailed, "the timeout of 1m0s is over: building: context canceled"}}, r.reported()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPhasesRunInOrderUntilOneEnds(t *testing.T) {
	r := newRig(t)
	var ran []string
	step := func(name string, out reconciler.Outcome) func(context.Context, *scope) reconciler.Outcome {
		return func(context.Context, *scope) reconciler.Outcome {
			ran = append(ran, name)
			return out
		}
	}
	r.run(step("a", reconciler.Continue()), step("b", reconciler.Fail(nil)), step("c", done()), step("d", done()))
	r.pass(t)
	if diff := cmp.Diff([]string{"a", "b", "c"}, ran); diff != "" {
		t.Errorf("a nil error continues, an outcome ends (-want +got):\n%s", diff)
	}
}

func TestIntervalIsSpreadAndCutShort(t *testing.T) {
	r := newRig(t)
	r.Jitter = func(d time.Duration) time.Duration { return d + time.Second }
	r.ends(done())
	if result := r.pass(t); result.RequeueAfter != interval+time.Second {
		t.Errorf("rests for %s", result.RequeueAfter)
	}
	next := func(d time.Duration) {
		r.run(func(_ context.Context, s *scope) reconciler.Outcome {
			s.Next = r.clock.Now().Add(d)
			return done()
		})
	}
	for d, want := range map[time.Duration]time.Duration{
		time.Minute: time.Minute, time.Hour: interval + time.Second, -time.Minute: time.Millisecond,
	} {
		next(d)
		if result := r.pass(t); result.RequeueAfter != want {
			t.Errorf("a phase that asks for %s gives %s, want %s", d, result.RequeueAfter, want)
		}
	}
}

func TestRecovery(t *testing.T) {
	r := newRig(t)
	r.ends(broken())
	if _, err := r.try(t); err == nil {
		t.Fatal("no error")
	}
	r.ends(done())
	r.pass(t)
	want := []event{
		{reconciler.Error, meta.ReasonGitOperationFailed, "connection refused"},
		{reconciler.Info, meta.ReasonSucceeded, "stored"},
	}
	if diff := cmp.Diff(want, r.reported()); diff != "" {
		t.Errorf("who was notified of the failure is notified of the recovery (-want +got):\n%s", diff)
	}
	r.pass(t)
	if again := r.reported(); len(again) != 0 {
		t.Errorf("and hears it once: %v", again)
	}
}

// TestRecoveryAfterProgress reports a recovery also when the object was in progress, and
// so not failing any more, between the failure and it; and after a restart in between.
func TestRecoveryAfterProgress(t *testing.T) {
	for name, restart := range map[string]bool{"Same": false, "Restarted": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.NoDefer = true
			r.ends(broken())
			_, _ = r.try(t)
			r.reported()
			if restart {
				before := r.Reconciler
				r.Reconciler = &reconciler.Reconciler[*sourcev1.GitRepository, *scope]{
					Kind: before.Kind, Client: before.Client, Live: before.Live, Recorder: before.Recorder, Clock: before.Clock,
					FieldOwner: before.FieldOwner, WaitFallback: before.WaitFallback, NoDefer: true,
				}
			}
			r.ends(reconciler.InProgress("awaiting", r.clock.Now().Add(time.Minute)))
			r.pass(t)
			r.ends(done())
			r.pass(t)
			if diff := cmp.Diff([]event{{reconciler.Info, meta.ReasonSucceeded, "stored"}}, r.reported()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			r.pass(t)
			if again := r.reported(); len(again) != 0 {
				t.Errorf("it is reported again: %v", again)
			}
		})
	}
}

func TestNotesBecomeEvents(t *testing.T) {
	r := newRig(t)
	r.Kind.Annotations = func(*scope) map[string]string { return map[string]string{"revision": "main", "digest": "d"} }
	r.Kind.Success = func(s *scope, timing reconciler.Timing) reconciler.Note {
		if s.Took != 3*time.Second || timing.Interval != interval {
			t.Errorf("took %s, interval %s", s.Took, timing.Interval)
		}
		return reconciler.Note{Severity: reconciler.Trace, Message: "finished", Silent: true}
	}
	r.run(func(_ context.Context, s *scope) reconciler.Outcome {
		s.Report(reconciler.Note{Severity: reconciler.Error, Reason: meta.ReasonArtifactFailed, Message: "first", Metadata: map[string]string{"digest": "other"}})
		s.Report(reconciler.Note{Reason: meta.ReasonNewArtifact, Message: "second"})
		s.Changed = true
		r.clock.Step(3 * time.Second)
		return done()
	})
	r.pass(t)
	gvk := sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind)
	all := map[string]string{"revision": "main", "digest": "d"}
	want := []events.Event{
		{GVK: gvk, Severity: events.Error, Reason: meta.ReasonArtifactFailed, Message: "first", Action: meta.ActionReconcile, Metadata: map[string]string{"revision": "main", "digest": "other"}},
		{GVK: gvk, Reason: meta.ReasonNewArtifact, Message: "second", Action: meta.ActionReconcile, Metadata: all},
		{GVK: gvk, Severity: events.Trace, Reason: meta.ReasonSucceeded, Message: "finished", Action: meta.ActionReconcile, Metadata: all, Silent: true},
	}
	if diff := cmp.Diff(want, r.events); diff != "" {
		t.Errorf("notes in order, then the outcome (-want +got):\n%s", diff)
	}
}

// TestEventsNameTheirStep: what a phase reports has its action, how the pass ended
// that of the phase that ended it, and success that of the whole.
func TestEventsNameTheirStep(t *testing.T) {
	reports := func(message string, action meta.Action) func(context.Context, *scope) reconciler.Outcome {
		return func(_ context.Context, s *scope) reconciler.Outcome {
			s.Report(reconciler.Note{Reason: meta.ReasonProgressing, Message: message, Action: action})
			return reconciler.Continue()
		}
	}
	ends := func(out reconciler.Outcome) func(context.Context, *scope) reconciler.Outcome {
		return func(_ context.Context, s *scope) reconciler.Outcome {
			s.Changed = true
			return out
		}
	}
	fetched := phase{Name: "fetch", Action: meta.ActionReconcileSource, Run: reports("fetched", "")}
	cases := map[string]struct {
		why    string
		phases []phase
		want   []string
	}{
		"Note":    {"a note is of its phase, success of the whole", []phase{fetched, {Name: "end", Action: meta.ActionApply, Run: ends(done())}}, []string{"ReconcileSource fetched", "Reconcile stored"}},
		"Own":     {"a note may name another step", []phase{{Name: "fetch", Action: meta.ActionReconcileSource, Run: reports("moved", meta.ActionPrune)}, {Name: "end", Run: ends(done())}}, []string{"Prune moved", "Reconcile stored"}},
		"Failure": {"a failure is of the phase that failed", []phase{fetched, {Name: "end", Action: meta.ActionApply, Run: ends(broken())}}, []string{"ReconcileSource fetched", "Apply connection refused"}},
		"Part":    {"or of the part of it that it names", []phase{{Name: "end", Action: meta.ActionApply, Run: ends(broken().During(meta.ActionDecrypt))}}, []string{"Decrypt connection refused"}},
		"Unnamed": {"a phase without an action is a part of the whole", []phase{fetched, {Name: "end", Run: ends(broken())}}, []string{"ReconcileSource fetched", "Reconcile connection refused"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.Kind.Phases = tc.phases
			_, _ = r.try(t)
			var got []string
			for _, e := range r.events {
				got = append(got, string(e.Action)+" "+e.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestSuccessThatThePhasesReported(t *testing.T) {
	r := newRig(t)
	r.Kind.Success = func(*scope, reconciler.Timing) reconciler.Note { return reconciler.Note{} }
	r.run(func(_ context.Context, s *scope) reconciler.Outcome {
		s.Changed = true
		return done()
	})
	r.pass(t)
	if got := r.reported(); len(got) != 0 {
		t.Errorf("reported twice: %v", got)
	}
}

func TestKindsOwnFields(t *testing.T) {
	r := newRig(t)
	var verdicts []reconciler.Verdict
	r.Kind.Owns = []string{meta.ConditionFetchFailed}
	r.Kind.Conditions = func(_ *scope, v reconciler.Verdict) []status.Own {
		verdicts = append(verdicts, v)
		if v.Failed() {
			return []status.Own{{Type: v.Fails, Status: metav1.ConditionTrue, Reason: v.Reason, Message: v.Message}}
		}
		return status.Absent(meta.ConditionFetchFailed)
	}
	r.Kind.Record = func(obj *sourcev1.GitRepository, _ *scope, v reconciler.Verdict) {
		if v.OK() {
			obj.Status.Artifact = &meta.Artifact{Path: "p", URL: "u", Revision: "main", Digest: "sha256:a", LastUpdateTime: metav1.Unix(1, 0)}
		}
	}
	out := broken()
	r.Kind.Phases = []phase{
		{Name: "earlier", Fails: meta.ConditionStorageOperationFailed, Run: func(context.Context, *scope) reconciler.Outcome { return reconciler.Continue() }},
		{Name: "work", Fails: meta.ConditionFetchFailed, Run: func(context.Context, *scope) reconciler.Outcome { return out }},
	}
	if _, err := r.try(t); err == nil {
		t.Fatal("no error")
	}
	want := []string{"Reconciling True ProgressingWithRetry", "Ready False GitOperationFailed", "FetchFailed True GitOperationFailed"}
	if diff := cmp.Diff(want, conditions(r.now(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out = done()
	r.pass(t)
	obj := r.now(t)
	if diff := cmp.Diff([]string{"Ready True Succeeded"}, conditions(obj)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !obj.Status.Artifact.HasRevision("main") {
		t.Errorf("the kind's field is %v", obj.Status.Artifact)
	}
	wantVerdicts := []reconciler.Verdict{
		{Summary: status.Summary{Kind: status.Retry, Reason: meta.ReasonGitOperationFailed, Message: "connection refused"}, Fails: meta.ConditionFetchFailed},
		{Summary: status.Summary{Kind: status.Done, Reason: meta.ReasonSucceeded, Message: "stored"}, Fails: meta.ConditionFetchFailed},
	}
	if diff := cmp.Diff(wantVerdicts, verdicts); diff != "" {
		t.Errorf("the kind learns which phase ended the pass (-want +got):\n%s", diff)
	}
}

func TestRequests(t *testing.T) {
	r := newRig(t, requested("one"))
	var passes []reconciler.Pass
	record := func(out func() reconciler.Outcome) {
		r.run(func(_ context.Context, s *scope) reconciler.Outcome {
			passes = append(passes, reconciler.Pass{Requested: s.Requested, Forced: s.Forced})
			return out()
		})
		r.pass(t)
	}
	handled := func() string { return r.now(t).Status.LastHandledReconcileAt }

	record(func() reconciler.Outcome { return reconciler.InProgress("awaiting", r.clock.Now().Add(time.Minute)) })
	if got := handled(); got != "" {
		t.Errorf("a request that is still being worked on was recorded as handled: %q", got)
	}
	record(done)
	if got := handled(); got != "one" {
		t.Errorf("handled %q", got)
	}
	record(done)
	r.change(t, requested("two"))
	r.change(t, func(obj *sourcev1.GitRepository) {
		metav1.SetMetaDataAnnotation(&obj.ObjectMeta, meta.AnnotationForceAt, "two")
	})
	record(func() reconciler.Outcome { return reconciler.Fail(fault.Stalled(meta.ReasonFailed, errors.New("no"))) })
	if got := handled(); got != "two" {
		t.Errorf("a request that ended in failure was handled: %q", got)
	}
	r.change(t, requested("three"))
	record(done)
	want := []reconciler.Pass{{Requested: true}, {Requested: true}, {}, {Requested: true, Forced: true}, {Requested: true}}
	if diff := cmp.Diff(want, passes, cmp.AllowUnexported(reconciler.Pass{})); diff != "" {
		t.Errorf("force counts with its own request only (-want +got):\n%s", diff)
	}
}

// TestBadDurations guards against one object with a bad interval that stops the
// work on all objects of its kind: only that object stalls, with the field named,
// and no phase runs. The schema would refuse these; the hook stands for a schema
// that is relaxed.
func TestBadDurations(t *testing.T) {
	for name, text := range map[string]meta.Duration{
		"Days": "1d", "Empty": "", "Negative": "-1m", "Exponent": "1e9h", "Overflow": "9223372036854775808ns",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.run(func(context.Context, *scope) reconciler.Outcome {
				t.Error("a phase ran")
				return done()
			})
			r.onGet = func(obj *sourcev1.GitRepository) error {
				obj.Spec.Interval = text
				return nil
			}
			if result := r.pass(t); !result.IsZero() {
				t.Errorf("requeued after %s", result.RequeueAfter)
			}
			if diff := cmp.Diff([]string{"Stalled True Failed", "Ready False Failed"}, conditions(r.now(t))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := message(r.now(t), meta.ConditionReady); !strings.Contains(got, "duration") {
				t.Errorf("the message does not say what is wrong: %s", got)
			}
		})
	}
}

func TestReadErrorsAreReturned(t *testing.T) {
	r := newRig(t)
	r.ends(done())
	r.onGet = func(*sourcev1.GitRepository) error { return errors.New("etcd is away") }
	if _, err := r.try(t); err == nil || !strings.Contains(err.Error(), "etcd is away") {
		t.Errorf("got %v", err)
	}
	if len(r.observed) != 0 {
		t.Error("a pass that did not take place was measured")
	}
}

func TestGoneObject(t *testing.T) {
	r := newRig(t)
	var forgotten []client.ObjectKey
	r.Kind.Forget = func(key client.ObjectKey) { forgotten = append(forgotten, key) }
	r.ends(done())
	r.pass(t)
	r.change(t, func(obj *sourcev1.GitRepository) { obj.Finalizers = nil })
	if err := r.direct.Delete(t.Context(), r.obj); err != nil {
		t.Fatal(err)
	}
	if result := r.pass(t); !result.IsZero() {
		t.Errorf("an object that is gone is requeued after %s", result.RequeueAfter)
	}
	if diff := cmp.Diff([]client.ObjectKey{client.ObjectKeyFromObject(r.obj)}, forgotten); diff != "" {
		t.Errorf("Forget is called, whatever the outcome was (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]bool{false, true}, r.observed); diff != "" {
		t.Errorf("its metrics go (-want +got):\n%s", diff)
	}
}

// TestEndRunsWhateverTheOutcome checks that what a pass leaves is put back once, also
// after an error, a conflict and a panic, and before the status is derived.
func TestEndRunsWhateverTheOutcome(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{}, "name", errors.New("written by somebody else"))
	cases := map[string]struct {
		why               string
		run               func() reconciler.Outcome
		succeeded, failed bool
	}{
		"Done":   {"the pass reached its goal", done, true, false},
		"Failed": {"a failed pass has learned something, too", broken, false, true},
		"Waiting": {"a wait is no failure", func() reconciler.Outcome {
			return reconciler.Fail(fault.Wait(meta.ReasonDependencyNotReady, errors.New("not yet")))
		}, false, false},
		"Parked":   {"a parked pass is neither", func() reconciler.Outcome { return reconciler.Park(time.Minute) }, false, false},
		"Conflict": {"a conflict with another object is a failure", func() reconciler.Outcome { return reconciler.Fail(conflict) }, false, true},
		"Canceled": {"so is what gave up by itself", func() reconciler.Outcome { return reconciler.Fail(context.Canceled) }, false, true},
		"Panic":    {"a panic loses nothing", func() reconciler.Outcome { panic("in a phase") }, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.Kind.Phases = []phase{{Name: "work", Run: func(context.Context, *scope) reconciler.Outcome { return tc.run() }}}
			var ends []reconciler.Outcome
			r.Kind.End = func(_ *scope, out reconciler.Outcome) { ends = append(ends, out) }
			func() {
				defer func() { _ = recover() }()
				_, _ = r.try(t)
			}()
			if len(ends) != 1 {
				t.Fatalf("%s: the hook ran %d times", tc.why, len(ends))
			}
			if ends[0].Succeeded() != tc.succeeded || ends[0].Failed() != tc.failed {
				t.Errorf("%s: succeeded %v, failed %v", tc.why, ends[0].Succeeded(), ends[0].Failed())
			}
		})
	}
}
