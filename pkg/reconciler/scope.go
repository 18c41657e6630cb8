package reconciler

import (
	"cmp"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/events"
)

// Severity says how loud a note is.
type Severity = events.Severity

// The severities a note can have.
const (
	Info  = events.Info
	Error = events.Error
	Trace = events.Trace
)

// Note is something a phase has to report. The runner turns notes into events
// about the object.
type Note struct {
	Severity Severity
	Reason   meta.Reason
	Message  string
	// Action is the step it is about, if that is not the phase that reports it.
	Action meta.Action
	// Metadata is added to the event; keys stand without the group prefix.
	Metadata map[string]string
	// Silent notes are sent to notification-controller without a Kubernetes Event.
	Silent bool
}

// Pass is the part of a scope that every kind shares. A scope embeds it.
type Pass struct {
	// Start is when the pass began.
	Start time.Time
	// Requested says that the annotation reconcile.fluxcd.io/requestedAt asks for
	// this pass.
	Requested bool
	// Forced says that the request asks for everything to be done anew.
	Forced bool
	// Took is how long the phases took; set before the status is derived.
	Took time.Duration
	// Next is when the object is to be reconciled again, if that is before the end
	// of the interval; set by a phase.
	Next time.Time
	// Changed is set by a phase that changed something outside the status.
	Changed bool

	notes []Note
	// action is that of the phase that runs, or that ended the pass.
	action meta.Action
}

// Common returns the shared part of the scope.
func (p *Pass) Common() *Pass { return p }

// Report adds a note.
func (p *Pass) Report(n Note) {
	n.Action = cmp.Or(n.Action, p.action)
	p.notes = append(p.notes, n)
}

// Notes returns what the phases reported, in order.
func (p *Pass) Notes() []Note { return p.notes }

// Scoped is a scope that embeds Pass.
type Scoped interface {
	Common() *Pass
}
