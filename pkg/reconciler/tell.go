package reconciler

import (
	"maps"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// tell turns the notes of the phases and the outcome of the pass into events.
func (p *pass[O, S]) tell(result status.Result, timing Timing) {
	p.r.record(p.obj, p.scope)
	if p.verdict.OK() {
		p.r.failures.forget(client.ObjectKeyFromObject(p.obj))
	}
	note := Note{Message: p.verdict.Message}
	switch result.Notice {
	case status.Silent:
		return
	case status.Warning:
		if !p.fails() {
			return
		}
		note.Severity = Error
	case status.Normal:
		if p.verdict.OK() && p.r.Kind.Success != nil {
			note = p.r.Kind.Success(p.scope, timing)
		}
		if p.verdict.Kind == status.Wait && p.verdict.Reason != meta.ReasonDependencyNotReady {
			note.Severity = Trace // a source that has nothing yet tells for itself
		}
	}
	note.Reason = p.verdict.Reason
	if note.Message != "" {
		p.r.emit(p.obj, p.scope, note)
	}
}

// fails reports whether the failure of the pass was not told yet.
func (p *pass[O, S]) fails() bool {
	now := failure{uid: p.obj.GetUID(), reason: p.verdict.Reason, message: p.verdict.Message}
	if p.r.Kind.Annotations != nil {
		now.revision = p.r.Kind.Annotations(p.scope)["revision"]
	}
	return p.r.failures.news(client.ObjectKeyFromObject(p.obj), now)
}

// record emits the notes of the phases.
func (r *Reconciler[O, S]) record(obj O, scope S) {
	for _, note := range scope.Common().Notes() {
		r.emit(obj, scope, note)
	}
}

func (r *Reconciler[O, S]) emit(obj O, scope S, note Note) {
	metadata := map[string]string{}
	if r.Kind.Annotations != nil {
		maps.Copy(metadata, r.Kind.Annotations(scope))
	}
	maps.Copy(metadata, note.Metadata)
	r.Recorder.Emit(obj, events.Event{
		GVK: r.Kind.GVK, Severity: note.Severity, Reason: note.Reason, Message: note.Message,
		Metadata: metadata, Silent: note.Silent,
	})
}
