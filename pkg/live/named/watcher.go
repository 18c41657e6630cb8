package named

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/go-logr/logr"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

// Ref names an object. The namespace of an object that has none is empty.
type Ref struct {
	schema.GroupKind
	Namespace, Name string
}

// Seen is what is known of an object.
type Seen struct {
	// Exists says that the object is there; the other fields are empty when not.
	Exists bool
	// UID and ResourceVersion are those of the object.
	UID             types.UID
	ResourceVersion string
	// Labels are those of the object. They must not be changed.
	Labels map[string]string
}

// same reports that nothing about an object has changed.
func (s Seen) same(other Seen) bool {
	return s.Exists == other.Exists && s.UID == other.UID && s.ResourceVersion == other.ResourceVersion
}

// Wake is called when something a unit follows under a topic has changed: the
// object, and what is known of it now. A Ref without a name says that everything
// is known that was not when Follow was called.
type Wake func(unit types.NamespacedName, topic string, ref Ref, seen Seen)

// Options are what a Watcher needs.
type Options struct {
	// Metadata reads and watches object metadata.
	Metadata metadata.Interface
	// Mapper finds the resource of a kind.
	Mapper apimeta.RESTMapper
	// Clock is the time; the real one when nil.
	Clock clock.WithTicker
	// Wake is called without any lock held and must return quickly.
	Wake Wake
	// Log is where watches that fail are noted.
	Log logr.Logger
	// NoWidening watches every name by itself, however many there are.
	NoWidening bool
}

// Watcher watches the objects that units follow. Its methods may be called at any
// time from any goroutine.
type Watcher struct {
	source stream.Source
	wake   Wake
	narrow bool // every name is watched by itself

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // the lifetime of watches that Follow starts later
	group   sync.WaitGroup
	follows map[types.NamespacedName]map[string]*follow
	trees   map[schema.GroupKind]*tree
	born    uint64 // counts objects, so that a list knows which were followed when it began
	calls   []func()
}

// follow is what a unit follows under a topic.
type follow struct {
	unit    types.NamespacedName
	topic   string
	objects map[Ref]*object
	synced  bool
}

// New returns a watcher that watches nothing yet.
func New(opts Options) (*Watcher, error) {
	w := &Watcher{
		source: stream.Source{Metadata: opts.Metadata, Mapper: opts.Mapper, Clock: opts.Clock, Log: opts.Log},
		wake:   opts.Wake, narrow: opts.NoWidening,
		follows: map[types.NamespacedName]map[string]*follow{}, trees: map[schema.GroupKind]*tree{},
	}
	if opts.Wake == nil {
		return nil, errors.New("making watcher: a wake function is needed")
	}
	if err := w.source.Complete(); err != nil {
		return nil, fmt.Errorf("making watcher: %w", err)
	}
	return w, nil
}

// Start runs the watches until ctx ends. It may be called once.
func (w *Watcher) Start(ctx context.Context) error {
	w.locked(func() {
		w.ctx = ctx
		for _, t := range w.trees {
			w.arrange(t)
		}
	})
	<-ctx.Done()
	w.locked(func() { w.ctx = nil }) // nothing is started any more
	w.group.Wait()
	return nil
}

// locked runs f under the lock and then makes the calls that f asked for.
func (w *Watcher) locked(f func()) {
	w.mu.Lock()
	f()
	calls := w.calls
	w.calls = nil
	w.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// Follow says which objects a unit follows under a topic, in place of those named
// before. It reports whether all of them are known, or are found unwatchable; if
// not, the unit is woken when they are. From then on it is woken for each change.
func (w *Watcher) Follow(unit types.NamespacedName, topic string, refs []Ref) (synced bool) {
	w.locked(func() {
		f := w.followOf(unit, topic)
		wanted := make(map[Ref]struct{}, len(refs))
		touched := map[*tree]struct{}{}
		for _, ref := range refs {
			wanted[ref] = struct{}{}
			if _, ok := f.objects[ref]; !ok {
				o := w.objectOf(ref)
				o.followers[f] = struct{}{}
				f.objects[ref] = o
				touched[o.tree] = struct{}{}
			}
		}
		for ref, o := range f.objects {
			if _, ok := wanted[ref]; !ok {
				w.unfollow(f, o)
				touched[o.tree] = struct{}{}
			}
		}
		for t := range touched {
			w.arrange(t)
		}
		f.synced = f.resolved()
		synced = f.synced
		if len(f.objects) == 0 {
			w.drop(f)
		}
	})
	return synced
}

// Forget ends everything that a unit follows.
func (w *Watcher) Forget(unit types.NamespacedName) {
	w.locked(func() {
		for _, f := range maps.Clone(w.follows[unit]) {
			touched := map[*tree]struct{}{}
			for _, o := range f.objects {
				w.unfollow(f, o)
				touched[o.tree] = struct{}{}
			}
			for t := range touched {
				w.arrange(t)
			}
			w.drop(f)
		}
	})
}

// Lookup returns what is known of an object that somebody follows.
func (w *Watcher) Lookup(ref Ref) (seen Seen, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.trees[ref.GroupKind]
	if !ok {
		return Seen{}, false
	}
	o, ok := t.objects[ref]
	if !ok || !o.known() {
		return Seen{}, false
	}
	return o.seen, true
}

// Unwatchable returns the objects that a unit follows under a topic and that
// cannot be watched at present, and says why in a few words that change only when
// the reason does. Nothing is known of them.
func (w *Watcher) Unwatchable(unit types.NamespacedName, topic string) map[Ref]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, ok := w.follows[unit][topic]
	if !ok {
		return nil
	}
	found := map[Ref]string{}
	for ref, o := range f.objects {
		if why := o.why(); why != "" {
			found[ref] = string(why)
		}
	}
	return found
}

// KindsChanged says that kinds came, went or changed: watches of them that failed
// are tried again at once.
func (w *Watcher) KindsChanged(kinds ...schema.GroupKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, gk := range kinds {
		if t, ok := w.trees[gk]; ok {
			t.retry()
		}
	}
}

// Sizes are the numbers that metrics show.
type Sizes struct {
	// Watches is the number of watches that are open.
	Watches int
	// Objects is the number of objects that somebody follows.
	Objects int
}

// Metrics counts what is watched.
func (w *Watcher) Metrics() Sizes {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s Sizes
	for _, t := range w.trees {
		s.Objects += len(t.objects)
		for n := range t.nodes() {
			if n.feed != nil && n.feed.alive {
				s.Watches++
			}
		}
	}
	return s
}

// followOf returns what a unit follows under a topic, which it makes if need be.
func (w *Watcher) followOf(unit types.NamespacedName, topic string) *follow {
	f, ok := w.follows[unit][topic]
	if !ok {
		f = &follow{unit: unit, topic: topic, objects: map[Ref]*object{}}
		if w.follows[unit] == nil {
			w.follows[unit] = map[string]*follow{}
		}
		w.follows[unit][topic] = f
	}
	return f
}

// drop ends a follow that has no objects any more.
func (w *Watcher) drop(f *follow) {
	if delete(w.follows[f.unit], f.topic); len(w.follows[f.unit]) == 0 {
		delete(w.follows, f.unit)
	}
}

// resolved reports that every object is known or unwatchable.
func (f *follow) resolved() bool {
	for _, o := range f.objects {
		if !o.resolved() {
			return false
		}
	}
	return true
}

// notify wakes a unit once the lock is given up.
func (w *Watcher) notify(f *follow, ref Ref, seen Seen) {
	w.calls = append(w.calls, func() { w.wake(f.unit, f.topic, ref, seen) })
}
