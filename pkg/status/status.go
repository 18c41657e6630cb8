package status

import (
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kind names a row of the table.
type Kind int

const (
	// Done says that the goal of the pass is reached.
	Done Kind = iota
	// Wait says that something the object needs is not there yet.
	Wait
	// InProgress says that the work goes on without a worker, until an event or a
	// deadline.
	InProgress
	// Retry says that the pass failed and that the failure may pass.
	Retry
	// Stalled says that the pass failed and that only a change of the object helps.
	Stalled
	// Superseded says that a newer revision made the pass pointless.
	Superseded
)

// Summary is how a pass ended.
type Summary struct {
	Kind    Kind
	Reason  meta.Reason
	Message string
}

// Own is a condition of the kind's own. An empty Status says that the condition
// must not exist.
type Own struct {
	Type    string
	Status  metav1.ConditionStatus
	Reason  meta.Reason
	Message string
}

// Absent returns the Own conditions that remove the given types.
func Absent(types ...string) []Own {
	out := make([]Own, 0, len(types))
	for _, t := range types {
		out = append(out, Own{Type: t})
	}
	return out
}

// Input is everything the conditions of an object depend on.
type Input struct {
	// Previous are the conditions before the pass.
	Previous []metav1.Condition
	// ObservedGeneration is that of the status before the pass.
	ObservedGeneration int64
	// Generation of the object that was reconciled.
	Generation int64
	// Outcome of the pass.
	Outcome Summary
	// Changed says that the pass changed something outside the status.
	Changed bool
	// Own are the conditions of the kind's own.
	Own []Own
	// Reported is the Ready condition from before the pass, if a report of its progress
	// stands in Previous in its place; nil means that of Previous.
	Reported *metav1.Condition
	// Now is the time of the pass.
	Now time.Time
}

// Notice says whether an event is due, and of which type.
type Notice int

const (
	// Silent passes are not reported.
	Silent Notice = iota
	// Normal passes are reported as information.
	Normal
	// Warning passes are reported as errors.
	Warning
)

// Result is what the status of the object becomes.
type Result struct {
	Conditions         []metav1.Condition
	ObservedGeneration int64
	// Notice says whether the outcome is reported as an event.
	Notice Notice
	// Recovered says that Ready was False before a pass that is Done.
	Recovered bool
}

// Derive applies the table.
func Derive(in Input) Result {
	set := newSet(in)
	out := in.Outcome
	message := Shorten(out.Message)
	switch out.Kind {
	case Done:
		set.put(meta.ConditionReady, metav1.ConditionTrue, out.Reason, message)
		set.drop(meta.ConditionReconciling, meta.ConditionStalled)
	case Wait:
		set.put(meta.ConditionReady, metav1.ConditionFalse, out.Reason, message)
		set.put(meta.ConditionReconciling, metav1.ConditionTrue, meta.ReasonProgressing, message)
		set.drop(meta.ConditionStalled)
	case Retry:
		set.put(meta.ConditionReady, metav1.ConditionFalse, out.Reason, message)
		set.put(meta.ConditionReconciling, metav1.ConditionTrue, meta.ReasonProgressingWithRetry, message)
		set.drop(meta.ConditionStalled)
	case Stalled:
		set.put(meta.ConditionReady, metav1.ConditionFalse, out.Reason, message)
		set.put(meta.ConditionStalled, metav1.ConditionTrue, out.Reason, message)
		set.drop(meta.ConditionReconciling)
	case InProgress, Superseded:
		set.put(meta.ConditionReady, metav1.ConditionUnknown, meta.ReasonProgressing, message)
		set.put(meta.ConditionReconciling, metav1.ConditionTrue, meta.ReasonProgressing, message)
		set.drop(meta.ConditionStalled)
	}
	for _, own := range in.Own {
		if own.Status == "" {
			set.drop(own.Type)
			continue
		}
		set.put(own.Type, own.Status, own.Reason, Shorten(own.Message))
	}
	before := in.Reported
	if before == nil {
		before = Find(in.Previous, meta.ConditionReady)
	}
	return Result{
		Conditions:         set.sorted(),
		ObservedGeneration: observed(in),
		Notice:             notice(in, before, message),
		Recovered:          out.Kind == Done && before != nil && before.Status == metav1.ConditionFalse,
	}
}

func observed(in Input) int64 {
	if in.Outcome.Kind == Done || in.Outcome.Kind == Stalled {
		return in.Generation
	}
	return in.ObservedGeneration
}

// notice decides whether the outcome is reported: what the Ready condition says
// already has been.
func notice(in Input, before *metav1.Condition, message string) Notice {
	failed := before != nil && before.Status == metav1.ConditionFalse
	reported := failed && before.Reason == string(in.Outcome.Reason)
	switch in.Outcome.Kind {
	case Done:
		return when(in.Changed || failed, Normal)
	case Wait:
		return when(!reported, Normal)
	case Retry:
		return when(!reported || Steady(before.Message) != Steady(message), Warning)
	case Stalled:
		return when(!reported || before.ObservedGeneration != in.Generation, Warning)
	default:
		return Silent
	}
}

func when(isNew bool, notice Notice) Notice {
	if isNew {
		return notice
	}
	return Silent
}
