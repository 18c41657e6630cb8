package reconciler

import (
	"cmp"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// events returns the events that are due once the status is written: those that
// earlier passes deferred, the notes of the phases, and the outcome.
func (p *pass[O, S]) events(result status.Result, timing Timing) []events.Event {
	due := p.notes()
	note := Note{Message: p.verdict.Message, Action: p.scope.Common().action}
	switch p.notice(result) {
	case status.Silent:
		return due
	case status.Warning:
		if !p.failsAnew() {
			return due
		}
		note.Severity = Error
	case status.Normal:
		if p.verdict.OK() && p.r.Kind.Success != nil {
			note = p.r.Kind.Success(p.scope, timing)
		}
		if p.verdict.Kind == status.Wait && p.verdict.Reason != meta.ReasonDependencyNotReady {
			note.Severity = Trace // a source that has nothing yet reports for itself
		}
	}
	if p.verdict.OK() {
		note.Action = meta.ActionReconcile // what succeeded is the whole
	}
	note.Reason = p.verdict.Reason
	if note.Message != "" {
		due = append(due, p.event(note))
	}
	return due
}

// notice says whether the outcome is reported. A recovery is, whatever lay between it and
// the failure.
func (p *pass[O, S]) notice(result status.Result) status.Notice {
	key, uid := client.ObjectKeyFromObject(p.obj), p.obj.GetUID()
	switch {
	case p.verdict.OK():
		if p.r.failures.end(key, uid) {
			return status.Normal
		}
	case p.verdict.Kind == status.InProgress && p.ready != nil && p.ready.Status == metav1.ConditionFalse:
		p.r.failures.pause(key, uid)
	}
	return result.Notice
}

// failsAnew reports whether the failure of the pass was not reported yet.
func (p *pass[O, S]) failsAnew() bool {
	now := failure{uid: p.obj.GetUID(), reason: p.verdict.Reason, message: p.verdict.Message}
	if p.r.Kind.Annotations != nil {
		now.revision = p.r.Kind.Annotations(p.scope)["revision"]
	}
	return p.r.failures.isNew(client.ObjectKeyFromObject(p.obj), now)
}

// notes returns the events that earlier passes deferred, and those of the phases.
func (p *pass[O, S]) notes() []events.Event {
	var due []events.Event
	if p.deferred != nil {
		due = slices.Clone(p.deferred.events)
	}
	for _, note := range p.scope.Common().Notes() {
		due = append(due, p.event(note))
	}
	return due
}

func (p *pass[O, S]) event(note Note) events.Event {
	metadata := map[string]string{}
	if p.r.Kind.Annotations != nil {
		maps.Copy(metadata, p.r.Kind.Annotations(p.scope))
	}
	maps.Copy(metadata, note.Metadata)
	return events.Event{
		GVK: p.r.Kind.GVK, Severity: note.Severity, Reason: note.Reason, Message: note.Message,
		Action: cmp.Or(note.Action, meta.ActionReconcile), Metadata: metadata, Silent: note.Silent,
	}
}

// emit sends events about the object.
func (p *pass[O, S]) emit(due []events.Event) {
	for _, event := range due {
		p.r.Recorder.Emit(p.obj, event)
	}
}
