package live

import (
	"errors"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// maxUnclaimed bounds, for a kind, the objects that are remembered although no
// unit has them in its inventory. Anyone who may write labels can make such
// objects.
const maxUnclaimed = 20_000

// Unit names the object that owns others.
type Unit = ownership.Unit

// Cause says why a unit is woken.
type Cause string

// The causes for which a unit is woken.
const (
	// CauseDirty is an object whose applied fields somebody changed.
	CauseDirty Cause = "Dirty"
	// CauseSuspect is an object that changed in a way only a dry-run can judge.
	CauseSuspect Cause = "Suspect"
	// CauseGone is an object that is not seen any more.
	CauseGone Cause = "Gone"
	// CauseHealth is an awaited object that changed.
	CauseHealth Cause = "Health"
	// CauseSynced wakes a unit that was judged before its kinds were listed, when they
	// are.
	CauseSynced Cause = "Synced"
)

// Options are what a Table needs.
type Options struct {
	// Metadata reads and watches object metadata.
	Metadata metadata.Interface
	// Mapper finds the resource of a kind.
	Mapper meta.RESTMapper
	// Clock is the time; the real one when nil.
	Clock clock.WithTicker
	// Owner is in whose name the objects are applied.
	Owner *ownership.Owner
	// Wake is called when a unit has something to see to. No lock is held meanwhile; it
	// must return quickly.
	Wake func(Unit, Cause)
	// Log is where watches that fail are noted.
	Log logr.Logger
	// SuspectDelay and GoneDelay are how long the table waits after a change that may be
	// harmless, and after a loss, before it wakes the unit; ListSpacing is the least
	// time between two lists of a kind. Zero stands for half a second, two seconds and
	// 400 milliseconds.
	SuspectDelay, GoneDelay, ListSpacing time.Duration
	// NoListSpacing begins the next list of a kind as soon as the one before it has
	// ended, if somebody waits for one. Callers still share lists, of which there is
	// one at a time for a kind.
	NoListSpacing bool
}

// complete checks the options and fills in defaults.
func (o *Options) complete() error {
	if o.Metadata == nil || o.Mapper == nil || o.Wake == nil || o.Owner == nil {
		return errors.New("making live table: metadata client, mapper, owner and wake function are needed")
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	setDefault(&o.SuspectDelay, 500*time.Millisecond)
	setDefault(&o.GoneDelay, 2*time.Second)
	setDefault(&o.ListSpacing, 400*time.Millisecond)
	if o.NoListSpacing {
		o.ListSpacing = 0
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
