package reconciler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// Reconciler runs the passes of one kind.
type Reconciler[O Object, S Scoped] struct {
	Kind Kind[O, S]
	// Client reads from the cache and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Recorder takes the events.
	Recorder events.Sink
	// Observe takes the duration of every pass; nil is allowed.
	Observe func(kind string, key types.NamespacedName, took time.Duration, deleted bool)
	// Clock is the time.
	Clock clock.WithTicker
	// FieldOwner is the field manager of status writes.
	FieldOwner string
	// WaitFallback is how long a waiting object rests when nothing wakes it.
	WaitFallback time.Duration
	// Jitter spreads an interval; nil leaves it as it is.
	Jitter func(time.Duration) time.Duration
	// Retries is the rate limiter of the work queue, which learns the interval of an object
	// that fails; nil is allowed.
	Retries *Retries
	// Urgent reports that other objects wait for a pass that corrects something; nil
	// says never.
	Urgent func() bool
	// NoDefer writes the status at the end of every pass, and reports its events then,
	// whatever comes within the next second.
	NoDefer bool

	writes   writes
	failures failures
	deferred deferredStatuses
}

// Reconcile runs one pass over the object. The object comes back with ordinary
// priority: by itself the work queue would keep the one it came with, for good.
func (r *Reconciler[O, S]) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	result, err := r.reconcile(ctx, req)
	if result.RequeueAfter > 0 {
		result.Priority = new(int)
	}
	return result, err
}

func (r *Reconciler[O, S]) reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	start := r.Clock.Now()
	obj, err := r.load(ctx, req.NamespacedName)
	if apierrors.IsNotFound(err) {
		r.forget(req.NamespacedName)
		r.observe(req.NamespacedName, start, true)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading %s: %w", r.Kind.GVK.Kind, err)
	}
	defer r.observe(req.NamespacedName, start, false)
	result, err := r.passOver(ctx, obj, start)
	if err != nil {
		timing, _ := r.Kind.Timing(obj) // without one, pauses end at a minute
		r.Retries.note(req, timing)
	}
	return result, err
}

func (r *Reconciler[O, S]) passOver(ctx context.Context, obj O, start time.Time) (ctrl.Result, error) {
	p, err := r.begin(obj, start)
	if err != nil {
		return ctrl.Result{}, err
	}
	switch {
	case !obj.GetDeletionTimestamp().IsZero():
		return p.conclude(ctx, p.finalize(ctx))
	case obj.Suspended():
		return p.conclude(ctx, p.suspend(ctx))
	default:
		return p.conclude(ctx, p.live(ctx))
	}
}

// load reads the object from the cache, or from the API server when the cache
// has not yet seen our own last write.
func (r *Reconciler[O, S]) load(ctx context.Context, key types.NamespacedName) (O, error) {
	obj := r.Kind.New()
	if err := r.Client.Get(ctx, key, obj); err != nil {
		return obj, err
	}
	if !r.writes.stale(key, obj) {
		return obj, nil
	}
	obj = r.Kind.New()
	return obj, r.Live.Get(ctx, key, obj)
}

func (r *Reconciler[O, S]) forget(key types.NamespacedName) {
	r.writes.forget(key)
	r.failures.forget(key)
	r.deferred.drop(key)
	if r.Kind.Forget != nil {
		r.Kind.Forget(key)
	}
}

func (r *Reconciler[O, S]) observe(key types.NamespacedName, start time.Time, deleted bool) {
	if r.Observe != nil {
		r.Observe(r.Kind.GVK.Kind, key, r.Clock.Since(start), deleted)
	}
}

// pass is one run over one object.
type pass[O Object, S Scoped] struct {
	r        *Reconciler[O, S]
	obj      O                  // as it is to become
	snapshot O                  // as the API server last answered
	before   []metav1.Condition // from before the pass, or from a report of its progress
	ready    *metav1.Condition  // Ready from before the pass
	deferred *deferredStatus    // what earlier passes did not write
	scope    S
	verdict  Verdict
}

func (r *Reconciler[O, S]) begin(obj O, start time.Time) (*pass[O, S], error) {
	p := &pass[O, S]{r: r, snapshot: obj.DeepCopyObject().(O), deferred: r.deferred.of(obj)}
	if p.deferred != nil {
		var err error
		if obj, err = r.withDeferred(obj, p.deferred); err != nil {
			return nil, err
		}
	}
	p.obj = obj
	p.before = slices.Clone(obj.CommonStatus().Conditions)
	p.ready = status.Find(p.before, meta.ConditionReady)
	token := obj.GetAnnotations()[meta.AnnotationRequestedAt]
	requested := token != "" && token != obj.CommonStatus().LastHandledReconcileAt
	p.scope = r.Kind.Scope(obj, Pass{
		Start:     start,
		Requested: requested,
		Forced:    requested && obj.GetAnnotations()[meta.AnnotationForceAt] == token,
	})
	return p, nil
}

// live runs the phases of a living object.
func (p *pass[O, S]) live(ctx context.Context) Outcome {
	if err := p.addFinalizer(ctx); err != nil {
		return again(err)
	}
	if _, err := p.r.Kind.Timing(p.obj); err != nil {
		return Fail(fault.Stalled(meta.ReasonFailed, err))
	}
	return p.run(ctx, p.r.Kind.Phases)
}

// finalize runs the phases of a deleted object and lets it go.
func (p *pass[O, S]) finalize(ctx context.Context) Outcome {
	if !controllerutil.ContainsFinalizer(p.obj, meta.Finalizer) {
		return Park(0)
	}
	if out := p.run(ctx, p.r.Kind.Finalize); !out.next {
		return out
	}
	return p.removeFinalizer(ctx)
}

// suspend adds the finalizer, so that a deletion is still seen, and remembers
// the request. Nothing else happens.
func (p *pass[O, S]) suspend(ctx context.Context) Outcome {
	if err := p.addFinalizer(ctx); err != nil {
		return again(err)
	}
	if p.scope.Common().Requested {
		p.obj.CommonStatus().LastHandledReconcileAt = p.obj.GetAnnotations()[meta.AnnotationRequestedAt]
		if err := p.patchStatus(ctx, p.snapshot); err != nil {
			return again(err)
		}
	}
	return Park(0)
}

// run runs phases in order until one does not continue. What the pass leaves is put
// back also if a phase panics.
func (p *pass[O, S]) run(ctx context.Context, phases []Phase[S]) (out Outcome) {
	out = Continue() // what a phase that panics leaves behind
	defer func() {
		if p.r.Kind.End != nil {
			p.r.Kind.End(p.scope, out)
		}
	}()
	log := logf.FromContext(ctx)
	limit := time.Duration(0)
	if p.r.Kind.Limit != nil {
		limit = p.r.Kind.Limit(p.scope)
	}
	bounded, progress := p.watchProgress(ctx, limit)
	defer progress.stop()
	for _, phase := range phases {
		p.verdict.Fails, p.scope.Common().action = phase.Fails, phase.Action
		progress.enter(phase.progress(p.scope))
		out = phase.Run(logf.IntoContext(bounded, log.WithValues("phase", phase.Name)), p.scope).within(ctx, bounded)
		if !out.next {
			p.scope.Common().action = cmp.Or(out.action, phase.Action)
			return out
		}
	}
	p.verdict.Fails, p.scope.Common().action = "", ""
	return Continue()
}

func (ph Phase[S]) progress(scope S) string {
	if ph.Progress == nil {
		return ""
	}
	return ph.Progress(scope)
}

// conclude writes the outcome into the status, reports it and says when to come
// back.
func (p *pass[O, S]) conclude(ctx context.Context, out Outcome) (ctrl.Result, error) {
	if out.parked {
		if err := p.flush(ctx); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		return ctrl.Result{RequeueAfter: out.requeue}, client.IgnoreNotFound(out.err)
	}
	if out.interrupted {
		return ctrl.Result{RequeueAfter: time.Millisecond}, nil
	}
	p.verdict.Summary = out.status
	p.scope.Common().Took = p.r.Clock.Since(p.scope.Common().Start)
	timing, _ := p.r.Kind.Timing(p.obj) // a bad one has stalled a living object
	result := p.derive(out)
	if rest := p.deferral(out); rest > 0 {
		return ctrl.Result{RequeueAfter: rest}, p.deferStatus(p.events(result, timing))
	}
	if err := p.patchStatus(ctx, p.snapshot); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	p.emit(p.events(result, timing))
	p.flushed()
	return p.requeue(ctx, out, timing)
}

// derive writes conditions and fields into the object.
func (p *pass[O, S]) derive(out Outcome) status.Result {
	common := p.obj.CommonStatus()
	in := status.Input{
		Previous: p.before, ObservedGeneration: common.ObservedGeneration,
		Generation: p.obj.GetGeneration(), Outcome: out.status,
		Changed: p.scope.Common().Changed, Reported: p.ready, Now: p.r.Clock.Now(),
	}
	if p.r.Kind.Conditions != nil {
		in.Own = p.r.Kind.Conditions(p.scope, p.verdict)
	}
	if p.r.Kind.Record != nil {
		p.r.Kind.Record(p.obj, p.scope, p.verdict)
	}
	result := status.Derive(in)
	common.Conditions, common.ObservedGeneration = result.Conditions, result.ObservedGeneration
	if out.status.Kind != status.InProgress && out.status.Kind != status.Superseded {
		if token := p.obj.GetAnnotations()[meta.AnnotationRequestedAt]; token != "" {
			common.LastHandledReconcileAt = token
		}
	}
	return result
}
