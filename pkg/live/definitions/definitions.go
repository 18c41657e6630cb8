// Package definitions watches CustomResourceDefinitions, metadata only, and reports
// which kinds came, went or have another schema now.
//
// What somebody installs at once is reported at once: changes are gathered until none
// has come for a moment, the REST mapper is reset one time, and one call names all
// kinds. A status write is no change, nor is what the first list finds.
package definitions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

const (
	// quiet is how long no change may come before those that came are reported, longest
	// how long the first of them may wait.
	quiet   = 300 * time.Millisecond
	longest = 3 * time.Second
	// A definition names a resource, whose kind is found out from discovery, which
	// may take some time to know it: attempts are made firstTry after each other,
	// each pause twice as long, and given up after tries, two minutes later.
	firstTry = time.Second
	tries    = 7
)

// Kind is the kind of what is watched.
var Kind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// Options are what a Watcher needs.
type Options struct {
	// Metadata reads and watches object metadata.
	Metadata metadata.Interface
	// Mapper finds the kind of a resource. It is reset once per call of Changed, if
	// it can be.
	Mapper apimeta.RESTMapper
	// Clock is the time; the real one when nil.
	Clock clock.WithTicker
	// Changed is given the kinds that came, went or have another schema, sorted. It
	// is called from one goroutine, without any lock held.
	Changed func([]schema.GroupKind)
	// Came, if it is set, is given the kinds that came in place of Changed: nothing can
	// have been applied under an older definition of them.
	Came func([]schema.GroupKind)
	// Log is where definitions whose kind is not found out are noted.
	Log logr.Logger
}

// Watcher watches all definitions of a cluster.
type Watcher struct {
	source  stream.Source
	changed func([]schema.GroupKind)
	came    func([]schema.GroupKind)
	kick    chan struct{} // says that there is something new in changes

	mu      sync.Mutex
	listed  bool
	known   map[string]definition
	changes map[string]*change
	kinds   map[string]schema.GroupKind // of definitions that changed before
}

// definition is what makes a definition differ from what it was.
type definition struct {
	uid        types.UID
	generation int64
	order      uint64
}

// same reports that a definition, or that there was none, is still so.
func (d definition) same(now definition, gone bool) bool {
	if existed := d != (definition{}); !existed || gone {
		return existed != gone
	}
	return d.uid == now.uid && d.generation == now.generation
}

// change is a definition that was changed, and not reported yet.
type change struct {
	created bool // there was none before, so that no mapper can know it
	gone    bool
	tries   int // how often its kind was not found out
}

// New returns a watcher that watches nothing yet.
func New(opts Options) (*Watcher, error) {
	w := &Watcher{
		source:  stream.Source{Metadata: opts.Metadata, Mapper: opts.Mapper, Clock: opts.Clock, Log: opts.Log},
		changed: opts.Changed, came: opts.Came, kick: make(chan struct{}, 1),
		known: map[string]definition{}, changes: map[string]*change{}, kinds: map[string]schema.GroupKind{},
	}
	if opts.Changed == nil {
		return nil, errors.New("making watcher of definitions: a function to report changes to is needed")
	}
	if err := w.source.Complete(); err != nil {
		return nil, fmt.Errorf("making watcher of definitions: %w", err)
	}
	return w, nil
}

// Start watches until ctx ends. It may be called once.
func (w *Watcher) Start(ctx context.Context) error {
	var group sync.WaitGroup
	group.Go(func() { stream.New(w.source, stream.Scope{GroupKind: Kind}, w).Run(ctx) })
	w.run(ctx)
	group.Wait()
	return nil
}

// run reports changes until ctx ends.
func (w *Watcher) run(ctx context.Context) {
	for ctx.Err() == nil {
		var again <-chan time.Time
		stop := func() {}
		if pause, ok := w.pause(); ok {
			timer := w.source.Clock.NewTimer(pause)
			again, stop = timer.C(), func() { timer.Stop() }
		}
		select {
		case <-ctx.Done():
		case <-again:
			w.report(ctx)
		case <-w.kick:
			w.gather(ctx)
			w.report(ctx)
		}
		stop()
	}
}

// gather waits until no change has come for a moment.
func (w *Watcher) gather(ctx context.Context) {
	end := w.source.Clock.Now().Add(longest)
	for {
		timer := w.source.Clock.NewTimer(min(quiet, end.Sub(w.source.Clock.Now())))
		select {
		case <-ctx.Done():
		case <-timer.C():
		case <-w.kick:
			timer.Stop()
			continue
		}
		timer.Stop()
		return
	}
}

// pause returns how long to wait before kinds are looked for once more.
func (w *Watcher) pause() (pause time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.changes {
		if next := firstTry << max(c.tries-1, 0); !ok || next < pause {
			pause, ok = next, true
		}
	}
	return pause, ok
}

// report finds out the kinds of what changed and reports them. Kinds that existed
// before are known before the mapper is reset, and those that are gone only then.
func (w *Watcher) report(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	found := map[string]schema.GroupKind{}
	changes := w.pending()
	for name, c := range changes {
		if !c.created {
			w.find(name, found)
		}
	}
	apimeta.MaybeResetRESTMapper(w.source.Mapper)
	for name, c := range changes {
		if !c.gone {
			w.find(name, found)
		}
	}
	came, changed := w.take(changes, found)
	if w.came == nil {
		changed, came = sorted(append(changed, came...)), nil
	}
	if len(came) > 0 {
		w.came(came)
	}
	if len(changed) > 0 {
		w.changed(changed)
	}
}

// pending returns the changes that are not reported yet.
func (w *Watcher) pending() map[string]change {
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := make(map[string]change, len(w.changes))
	for name, c := range w.changes {
		changes[name] = *c
	}
	return changes
}

// find finds out the kind of a definition, whose name is that of its resource.
func (w *Watcher) find(name string, found map[string]schema.GroupKind) {
	if _, ok := found[name]; ok {
		return
	}
	w.mu.Lock()
	kind, ok := w.kinds[name]
	w.mu.Unlock()
	if !ok {
		plural, group, _ := strings.Cut(name, ".")
		kinds, err := w.source.Mapper.KindsFor(schema.GroupVersionResource{Group: group, Resource: plural})
		if err != nil || len(kinds) == 0 || kinds[0].Group != group {
			return
		}
		kind = kinds[0].GroupKind()
	}
	found[name] = kind
}

// take takes out of the changes what is reported now, or given up, and returns the
// kinds to report: those that came and those that changed. A definition that changed
// again in the meantime stays.
func (w *Watcher) take(changes map[string]change, found map[string]schema.GroupKind) (came, changed []schema.GroupKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, before := range changes {
		now, ok := w.changes[name]
		same := ok && *now == before
		kind, known := found[name]
		switch {
		case known:
			if before.created && !before.gone {
				came = append(came, kind)
			} else {
				changed = append(changed, kind)
			}
			w.kinds[name] = kind
			if before.gone {
				delete(w.kinds, name)
			}
			if same {
				delete(w.changes, name)
			}
		case same && (before.gone || before.tries >= tries):
			w.source.Log.Info("the kind of a definition is not known", "definition", name)
			delete(w.changes, name)
		case same:
			now.tries++
		}
	}
	return sorted(came), sorted(changed)
}

func sorted(kinds []schema.GroupKind) []schema.GroupKind {
	slices.SortFunc(kinds, func(a, b schema.GroupKind) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind))
	})
	return slices.Compact(kinds)
}

// note enters the state of a definition, and a change if it is one. A definition
// whose kind is looked for may be served by now whenever its status is written.
func (w *Watcher) note(name string, now definition, gone bool) {
	before, existed := w.known[name]
	if now.order != 0 && existed && now.order <= before.order {
		return
	}
	c, waits := w.changes[name]
	changed := !before.same(now, gone)
	if w.known[name] = now; gone {
		delete(w.known, name)
	}
	switch {
	case changed && waits:
		c.gone, c.tries = gone, 0
		c.created = c.created || !existed
	case changed:
		w.changes[name] = &change{created: !existed, gone: gone}
	case !waits || gone:
		return
	}
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// Begin starts to take in a list.
func (w *Watcher) Begin() stream.List { return &listing{w: w, seen: map[string]definition{}} }

// Opened says that the watch is open.
func (w *Watcher) Opened() {}

// Failed says that nothing can be watched at present. What changes meanwhile is in
// the list that comes next.
func (w *Watcher) Failed(why stream.Reason) {
	w.source.Log.Info("definitions cannot be watched", "reason", string(why))
}

// Event takes in what the watch reported.
func (w *Watcher) Event(what watch.EventType, obj metav1.Object) {
	if what == watch.Bookmark {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(obj.GetName(), definitionOf(obj), what == watch.Deleted)
}

func definitionOf(obj metav1.Object) definition {
	return definition{uid: obj.GetUID(), generation: obj.GetGeneration(), order: ownership.Order(obj.GetResourceVersion())}
}

// listing is a list as it comes in.
type listing struct {
	w    *Watcher
	seen map[string]definition
}

// Item takes in one definition.
func (l *listing) Item(obj *metav1.PartialObjectMetadata) { l.seen[obj.Name] = definitionOf(obj) }

// Restart drops all items.
func (l *listing) Restart() { clear(l.seen) }

// End notes what is different from before. Of a server that went back in time
// everything is taken as it is.
func (l *listing) End(resourceVersion string) {
	w, order := l.w, ownership.Order(resourceVersion)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.listed {
		w.listed, w.known = true, l.seen
		return
	}
	for name, before := range w.known {
		if now, ok := l.seen[name]; !ok {
			w.note(name, definition{order: max(order, before.order+1)}, true)
		} else if now.order < before.order {
			before.order = 0
			w.known[name] = before
		}
	}
	for name, now := range l.seen {
		w.note(name, now, false)
	}
}
