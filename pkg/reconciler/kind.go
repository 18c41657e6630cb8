package reconciler

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// Object is what the skeleton reconciles.
type Object interface {
	client.Object
	meta.Reconciled
}

// Phase is one step of a pass.
type Phase[S Scoped] struct {
	// Name stands in logs.
	Name string
	// Fails is the type of the kind's own condition that says that this phase
	// failed; the Verdict carries it. Empty for a phase without one.
	Fails string
	// Action names the step in events; empty is that of the whole reconcile.
	Action meta.Action
	// Progress returns what users read while the phase runs for longer than a
	// second; nil says nothing.
	Progress func(S) string
	// Run does the work.
	Run func(context.Context, S) Outcome
}

// Kind is what the skeleton has to know about a kind of object.
type Kind[O Object, S Scoped] struct {
	// GVK names the kind.
	GVK schema.GroupVersionKind
	// New returns an empty object.
	New func() O
	// Scope returns the scope of a pass over the object.
	Scope func(obj O, pass Pass) S
	// Phases of a pass over a living object, in order.
	Phases []Phase[S]
	// Finalize are the phases of a pass over a deleted object, in order. When the
	// last continues, the finalizer goes.
	Finalize []Phase[S]
	// End runs once at the end of every pass that ran phases, whatever its outcome and
	// also after a panic, before the status is derived: it puts back what the pass
	// leaves for the next one. Nil is allowed.
	End func(S, Outcome)
	// Limit returns how long the phases of one pass may take in all: their context ends
	// then, and the pass fails. Nil and zero mean no limit.
	Limit func(S) time.Duration
	// Timing returns how long the object rests after success and after a failure.
	// Zero for the latter means exponential back-off.
	Timing func(O) (Timing, error)
	// Conditions derives the kind's own conditions from the scope.
	Conditions func(S, Verdict) []status.Own
	// Forget is called when an object is gone, however that came; nil is allowed.
	Forget func(types.NamespacedName)
	// Owns lists the types of the kind's own conditions.
	Owns []string
	// Record writes the kind's fields of the status.
	Record func(O, S, Verdict)
	// Annotations returns what is added to the metadata of every event; keys stand
	// without the group prefix.
	Annotations func(S) map[string]string
	// Success returns the note that reports success; one without a message reports
	// nothing, because the phases did. Nil reports the message of Ready.
	Success func(S, Timing) Note
}

// Timing is when an object is reconciled again without having been woken.
type Timing struct {
	// Interval between passes that succeed.
	Interval time.Duration
	// Retry is the pause after a failed pass; zero means exponential back-off.
	Retry time.Duration
}
