package named

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

// feed is the watch of a node.
type feed struct {
	w      *Watcher
	n      *node
	t      *tree
	stream *stream.Stream
	cancel context.CancelFunc
	alive  bool          // a list has been taken in and the watch is open
	why    stream.Reason // why it cannot be watched at present
	newest uint64        // the highest version it reported
}

// launch starts to watch a node.
func (w *Watcher) launch(n *node) {
	ctx, cancel := context.WithCancel(w.ctx)
	f := &feed{w: w, n: n, t: w.trees[n.scope.GroupKind], cancel: cancel}
	f.stream = stream.New(w.source, n.scope, f)
	n.feed = f
	w.group.Go(func() { f.stream.Run(ctx) })
}

// stop ends the watch of a node.
func (w *Watcher) stop(n *node) {
	if n.feed != nil {
		n.feed.cancel()
		n.feed = nil
	}
}

// locked runs do under the lock, unless the watch has been ended.
func (f *feed) locked(do func()) {
	f.w.locked(func() {
		if f.n.feed == f {
			do()
		}
	})
}

// Begin starts to take in a list.
func (f *feed) Begin() stream.List {
	l := &listing{feed: f, seen: map[Ref]Seen{}}
	f.locked(func() { l.born, l.newest = f.w.born, f.newest })
	return l
}

// Opened says that the watch is open.
func (f *feed) Opened() {
	f.locked(func() {
		f.alive, f.why = true, ""
		f.rearrange()
	})
}

// Failed says that nothing can be watched at present.
func (f *feed) Failed(why stream.Reason) {
	f.locked(func() {
		f.alive, f.why = false, why
		f.rearrange()
	})
}

// rearrange starts and ends other watches after the state of this one changed, and
// notifies followers of what came of it.
func (f *feed) rearrange() {
	var objects []*object
	for _, o := range f.n.objects {
		objects = append(objects, o)
	}
	f.w.arrange(f.t)
	for _, o := range objects {
		known := o.known()
		lost := o.reliable && !known && o.why().Lasting()
		o.reliable = known || o.reliable && !lost
		for follower := range o.followers {
			switch {
			case !follower.synced && follower.resolved():
				follower.synced = true
				f.w.notify(follower, Ref{}, Seen{})
			case follower.synced && lost:
				f.w.notify(follower, o.ref, o.seen)
			}
		}
	}
}

// Event takes in what the watch reported.
func (f *feed) Event(what watch.EventType, obj metav1.Object) {
	order := ownership.Order(obj.GetResourceVersion())
	seen := Seen{}
	if what != watch.Deleted && what != watch.Bookmark {
		seen = seenOf(obj)
	}
	f.locked(func() {
		f.newest = max(f.newest, order)
		o, ok := f.n.objects[f.refOf(obj)]
		if what == watch.Bookmark || !ok || order != 0 && (order <= o.floor || order <= o.order) {
			return
		}
		f.w.see(o, seen, order)
	})
}

// refOf names the object that metadata is about. Watches of less than a kind know
// the namespace, which a kind without namespaces does not repeat.
func (f *feed) refOf(obj metav1.Object) Ref {
	ref := Ref{GroupKind: f.n.scope.GroupKind, Namespace: f.n.scope.Namespace, Name: obj.GetName()}
	if ref.Namespace == "" {
		ref.Namespace = obj.GetNamespace()
	}
	return ref
}

func seenOf(obj metav1.Object) Seen {
	return Seen{Exists: true, UID: obj.GetUID(), ResourceVersion: obj.GetResourceVersion(), Labels: obj.GetLabels()}
}

// see puts what was seen in place of what was seen before, and notifies those who
// knew better.
func (w *Watcher) see(o *object, seen Seen, order uint64) {
	before := o.seen
	o.seen, o.order = seen, order
	if o.listed && !before.same(seen) {
		w.changed(o)
	}
}

// changed notifies the followers of an object about its new state.
func (w *Watcher) changed(o *object) {
	for f := range o.followers {
		if f.synced {
			w.notify(f, o.ref, o.seen)
		}
	}
}

// listing is a list as it comes in.
type listing struct {
	*feed
	born   uint64 // the last object that was followed when the list began
	newest uint64 // the newest version known when the list began
	seen   map[Ref]Seen
	// flat says that the kind has no namespaces. What refers to an object of it in a
	// namespace all the same is left to narrower watches.
	flat bool
}

// Item takes in one object, if somebody follows it.
func (l *listing) Item(obj *metav1.PartialObjectMetadata) {
	l.flat = l.flat || obj.Namespace == ""
	l.locked(func() {
		if ref := l.refOf(obj); l.n.objects[ref] != nil {
			l.seen[ref] = seenOf(obj)
		}
	})
}

// Restart drops all items.
func (l *listing) Restart() { clear(l.seen) }

// End puts the list in place of what was seen. An object that somebody follows
// since the list began may have been passed over, and is left to a later one. If
// the server went back in time, nothing seen before counts.
func (l *listing) End(resourceVersion string) {
	order := ownership.Order(resourceVersion)
	l.locked(func() {
		restored := order != 0 && order < l.newest
		if restored {
			l.feed.newest = 0
		}
		l.feed.newest = max(l.feed.newest, order)
		for ref, o := range l.n.objects {
			if o.born <= l.born && (!l.flat || ref.Namespace == "" || l.n.scope.Namespace != "") {
				l.w.list(o, l.seen[ref], order, restored)
			}
		}
	})
}

// list takes in what a list said about an object, unless another watch has come
// further.
func (w *Watcher) list(o *object, seen Seen, order uint64, restored bool) {
	first, before := !o.listed, o.seen
	o.listed = true
	if restored || order == 0 || order >= o.floor && order >= o.order {
		o.seen, o.order, o.floor = seen, ownership.Order(seen.ResourceVersion), order
		if !seen.Exists {
			o.order = order
		}
	}
	if restored || first && o.seen.Exists || !first && !before.same(o.seen) {
		w.changed(o)
	}
}
