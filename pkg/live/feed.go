package live

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/capstan-gitops/capstan/pkg/live/observation"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

// feed takes into the table what the stream of a kind reads.
type feed struct {
	t *Table
	k *kind
}

// launch starts the goroutine that lists and watches a kind.
func (t *Table) launch(k *kind) {
	ctx, cancel := context.WithCancel(t.ctx)
	k.cancel = cancel
	t.group.Go(func() { k.stream.Run(ctx) })
}

// locked runs do under the lock of the table, unless the kind has been given up.
func (f feed) locked(do func()) {
	f.t.locked(func() {
		if f.t.kinds[f.k.gk] == f.k {
			do()
		}
	})
}

// Begin starts to take in a list.
func (f feed) Begin() stream.List {
	l := &listing{feed: f, started: f.t.opts.Clock.Now(), seen: map[key]*observation.Object{}}
	f.locked(func() {
		l.newest = f.k.newest
		f.k.lists.Began(l.started)
	})
	return l
}

// Opened says that the watch is open.
func (f feed) Opened() {
	f.locked(func() {
		if f.k.why == stream.NotServed {
			f.k.forgetReports() // what is still gone can be put back now
		}
		f.k.alive, f.k.why = true, ""
		f.t.reassess(f.k)
	})
}

// Failed says that the kind cannot be watched at present.
func (f feed) Failed(why stream.Reason) {
	f.locked(func() {
		f.k.alive, f.k.why = false, why
		f.t.reassess(f.k)
	})
}

// Event takes in what the watch reported.
func (f feed) Event(what watch.EventType, obj metav1.Object) {
	order := ownership.Order(obj.GetResourceVersion())
	if what == watch.Bookmark {
		f.locked(func() { f.k.reach(order) })
		return
	}
	at := keyOf(obj.GetNamespace(), obj.GetName())
	if what == watch.Deleted {
		f.locked(func() { f.t.lost(f.k, at, order) })
		return
	}
	s := f.t.reduce(f.k, at, obj)
	f.locked(func() { f.t.found(f.k, at, order, s) })
}

// listing is a list as it comes in, reduced object by object.
type listing struct {
	feed
	started time.Time
	newest  uint64 // the newest version known when the list began
	order   uint64
	seen    map[key]*observation.Object
}

// Item takes in one object.
func (l *listing) Item(obj *metav1.PartialObjectMetadata) {
	at := keyOf(obj.Namespace, obj.Name)
	l.seen[at] = l.t.reduce(l.k, at, obj)
}

// Restart drops all items.
func (l *listing) Restart() { clear(l.seen) }

// End puts the list in the place of everything seen.
func (l *listing) End(resourceVersion string) {
	l.order = ownership.Order(resourceVersion)
	l.locked(func() { l.t.replace(l.k, l) })
}

// reduce returns the observation there is of an object that has not changed since,
// and makes one otherwise. Computing fingerprints is most of what an event or a
// list costs, and is done without the lock.
func (t *Table) reduce(k *kind, at key, obj metav1.Object) *observation.Object {
	var known *observation.Object
	t.locked(func() {
		if s := k.find(at).visible(); s != nil && s.Same(obj.GetUID(), obj.GetResourceVersion()) {
			known = s
		}
	})
	if known != nil {
		return known
	}
	s := t.observer.Observe(obj)
	drifted := false
	t.locked(func() { drifted = k.find(at).unlike(s) })
	if drifted {
		s.SetWriter(t.opts.Owner.Writer(observation.Flat(obj).GetManagedFields()))
	}
	return s
}
