package reconciler

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capstan-gitops/capstan/pkg/status"
)

// again ends a pass whose own write to its object did not go through. After a
// conflict the object is reconciled again at once; any other error is left to the
// back-off of the work queue, and the status stays as it is. A conflict that a phase
// met is about another object, and a failure of that phase.
func again(err error) Outcome {
	if apierrors.IsConflict(err) {
		return Park(time.Millisecond)
	}
	return Outcome{parked: true, err: err}
}

// requeue says when the object is reconciled again.
func (p *pass[O, S]) requeue(ctx context.Context, out Outcome, timing Timing) (ctrl.Result, error) {
	log := logf.FromContext(ctx).WithValues("reason", string(out.status.Reason))
	switch out.status.Kind {
	case status.Done:
		return ctrl.Result{RequeueAfter: p.rest(timing.Interval)}, nil
	case status.InProgress:
		return ctrl.Result{RequeueAfter: max(out.until.Sub(p.r.Clock.Now()), time.Millisecond)}, nil
	case status.Superseded:
		return ctrl.Result{RequeueAfter: time.Millisecond}, nil
	case status.Wait:
		log.Info("waiting", "message", out.status.Message)
		fallback := p.r.WaitFallback
		if out.requeue > 0 {
			fallback = out.requeue
		}
		return ctrl.Result{RequeueAfter: fallback}, nil
	case status.Stalled:
		log.Error(out.err, "stalled until the object changes")
		return ctrl.Result{}, nil
	default:
		if timing.Retry == 0 {
			return ctrl.Result{}, out.err // the work queue logs it and backs off
		}
		log.Error(out.err, "reconciling again after the retry interval", "retryIn", timing.Retry.String())
		return ctrl.Result{RequeueAfter: timing.Retry}, nil
	}
}

// rest is how long an object rests after success.
func (p *pass[O, S]) rest(interval time.Duration) time.Duration {
	rest := p.r.jitter(interval)
	if next := p.scope.Common().Next; !next.IsZero() {
		rest = min(rest, max(next.Sub(p.r.Clock.Now()), time.Millisecond))
	}
	return rest
}

func (r *Reconciler[O, S]) jitter(d time.Duration) time.Duration {
	if r.Jitter == nil {
		return d
	}
	return r.Jitter(d)
}
