package reconciler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// Outcome is how a phase ended. The functions of this file make all there are.
type Outcome struct {
	next   bool
	parked bool
	// interrupted says that the process ends, or gave the pass up: nothing is reported
	// of it, and it is made again.
	interrupted bool
	err         error
	status      status.Summary
	requeue     time.Duration
	until       time.Time
	// action is the step that ended, if that is not the phase.
	action meta.Action
}

// During names the step that ended the pass, where a phase has several.
func (o Outcome) During(action meta.Action) Outcome {
	o.action = action
	return o
}

// Continue goes on with the next phase.
func Continue() Outcome { return Outcome{next: true} }

// Done ends the pass: its goal is reached. Reason and message become those of
// the Ready condition.
func Done(reason meta.Reason, message string) Outcome {
	return Outcome{status: status.Summary{Kind: status.Done, Reason: reason, Message: message}}
}

// InProgress parks the object: it is woken by a watch, or at the deadline.
func InProgress(message string, deadline time.Time) Outcome {
	return Outcome{
		status: status.Summary{Kind: status.InProgress, Reason: meta.ReasonProgressing, Message: message},
		until:  deadline,
	}
}

// Park ends the pass silently: the object is woken by a watch, and reconciled again
// after the fallback in case it is not. Nothing is written.
func Park(fallback time.Duration) Outcome {
	return Outcome{parked: true, requeue: fallback}
}

// Superseded ends the pass because a newer revision arrived; the object is
// reconciled again at once.
func Superseded(message string) Outcome {
	return Outcome{status: status.Summary{Kind: status.Superseded, Reason: meta.ReasonProgressing, Message: message}}
}

// Fail ends the pass with an error. Its fault says whether the object waits, is
// tried again or stalls. A nil error continues, so that a phase may end with
// return Fail(err).
func Fail(err error) Outcome {
	if err == nil {
		return Continue()
	}
	f := fault.Of(err)
	out := Outcome{err: err, requeue: f.After}
	out.status.Reason, out.status.Message = f.Reason, err.Error()
	switch f.Class {
	case fault.ClassWait:
		out.status.Kind = status.Wait
	case fault.ClassStalled:
		out.status.Kind = status.Stalled
	default:
		out.status.Kind = status.Retry
	}
	return out
}

// Succeeded reports whether the pass reached its goal.
func (o Outcome) Succeeded() bool { return !o.next && !o.parked && o.status.Kind == status.Done }

// Failed reports whether the pass ended with an error that is not a wait.
func (o Outcome) Failed() bool {
	return !o.next && !o.parked && !o.interrupted && (o.status.Kind == status.Retry || o.status.Kind == status.Stalled)
}

// timeoutError ends the context of a pass that takes longer than it may.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("the timeout of %s is over", e.limit) }

// within says of the outcome of a phase whether the end of the process interrupted it,
// or the end of the time that the pass may take. An error that says "canceled" while
// neither has ended is the phase's own, and a failure like any other.
func (o Outcome) within(process, bounded context.Context) Outcome {
	if !errors.Is(o.err, context.Canceled) {
		return o
	}
	var late *timeoutError
	switch {
	case process.Err() != nil:
		o.interrupted = true
	case errors.As(context.Cause(bounded), &late):
		return Fail(fault.Retry(fault.Of(o.err).Reason, fmt.Errorf("%w: %w", late, o.err)))
	}
	return o
}

// Verdict is what a Kind may know about the end of a pass when it derives its
// own conditions and fields.
type Verdict struct {
	status.Summary
	// Fails is that of the phase that ended the pass; empty when every phase
	// continued.
	Fails string
}

// OK reports whether the pass reached its goal.
func (v Verdict) OK() bool { return v.Kind == status.Done }

// Failed reports whether the pass ended with an error that is neither waiting
// nor progress.
func (v Verdict) Failed() bool { return v.Kind == status.Retry || v.Kind == status.Stalled }
