package reconciler

import (
	"maps"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// tell turns the notes of the phases and the outcome of the pass into events.
func (p *pass[O, S]) tell(result status.Result, timing Timing) {
	p.r.record(p.obj, p.scope)
	note := Note{Message: p.verdict.Message}
	switch result.Notice {
	case status.Silent:
		return
	case status.Warning:
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
