package named

import (
	"iter"
	"math"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

// Something is watched as a whole while more names of it than these are followed.
const (
	manyInSpace = 16
	manyOfKind  = 256
)

// tree holds the objects of a kind that somebody follows.
type tree struct {
	root    *node
	spaces  map[string]*node
	objects map[Ref]*object
}

// node is something that can be watched as a whole: a kind, the names in a
// namespace, or one object. What is watched follows from the number of objects
// below it.
type node struct {
	scope   stream.Scope
	objects map[Ref]*object
	many    int   // watched as a whole when there are more objects; for one object, zero
	feed    *feed // nil when it is not watched
}

// object is an object that somebody follows.
type object struct {
	ref       Ref
	tree      *tree
	path      []*node // the nodes it is below, the widest first, its own last
	followers map[*follow]struct{}
	born      uint64

	seen   Seen
	order  uint64 // the version of what is seen, as a number
	floor  uint64 // the version of the last list: events up to it are history
	listed bool   // a list has shown whether the object exists
	// reliable is what followers were led to believe: that they are notified of changes.
	reliable bool
}

// known reports that what is seen of an object is what there is: it was listed,
// and a watch has followed it since.
func (o *object) known() bool {
	if !o.listed {
		return false
	}
	for _, n := range o.path {
		if n.feed != nil && n.feed.alive {
			return true
		}
	}
	return false
}

// why says why an object cannot be watched; empty when it is known, or may be
// soon.
func (o *object) why() (why stream.Reason) {
	if o.known() {
		return ""
	}
	for _, n := range o.path {
		switch {
		case n.feed == nil, n.feed.alive:
		case n.feed.why == "":
			return ""
		default:
			why = n.feed.why
		}
	}
	return why
}

func (o *object) resolved() bool { return o.known() || o.why() != "" }

// nodes iterates over everything that can be watched.
func (t *tree) nodes() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if !yield(t.root) {
			return
		}
		for _, n := range t.spaces {
			if !yield(n) {
				return
			}
		}
		for _, o := range t.objects {
			if !yield(o.path[len(o.path)-1]) {
				return
			}
		}
	}
}

// retry ends the pauses of watches that failed.
func (t *tree) retry() {
	for n := range t.nodes() {
		if n.feed != nil && n.feed.why != "" {
			n.feed.stream.Retry()
		}
	}
}

// objectOf returns the record of an object, which it makes if need be.
func (w *Watcher) objectOf(ref Ref) *object {
	t, ok := w.trees[ref.GroupKind]
	if !ok {
		t = &tree{
			root:   newNode(stream.Scope{GroupKind: ref.GroupKind}, w.many(manyOfKind)),
			spaces: map[string]*node{}, objects: map[Ref]*object{},
		}
		w.trees[ref.GroupKind] = t
	}
	o, ok := t.objects[ref]
	if ok {
		return o
	}
	w.born++
	o = &object{ref: ref, tree: t, followers: map[*follow]struct{}{}, born: w.born}
	own := newNode(stream.Scope{GroupKind: ref.GroupKind, Namespace: ref.Namespace, Name: ref.Name}, 0)
	if ref.Namespace != "" {
		o.path = append(o.path, t.root)
	}
	o.path = append(o.path, t.spaceOf(ref.GroupKind, ref.Namespace, w.many(manyInSpace)), own)
	for _, n := range o.path {
		n.objects[ref] = o
	}
	t.objects[ref] = o
	return o
}

// many is the number that options leave of a threshold.
func (w *Watcher) many(threshold int) int {
	if w.narrow {
		return math.MaxInt
	}
	return threshold
}

func newNode(scope stream.Scope, many int) *node {
	return &node{scope: scope, objects: map[Ref]*object{}, many: many}
}

func (t *tree) spaceOf(gk schema.GroupKind, namespace string, many int) *node {
	n, ok := t.spaces[namespace]
	if !ok {
		n = newNode(stream.Scope{GroupKind: gk, Namespace: namespace}, many)
		t.spaces[namespace] = n
	}
	return n
}

// unfollow takes an object from what is followed. The caller arranges the tree.
func (w *Watcher) unfollow(f *follow, o *object) {
	delete(f.objects, o.ref)
	if delete(o.followers, f); len(o.followers) > 0 {
		return
	}
	for _, n := range o.path {
		delete(n.objects, o.ref)
	}
	w.stop(o.path[len(o.path)-1])
	delete(o.tree.objects, o.ref)
}

// arrange starts the watches that a tree needs, and ends those that it does not
// need any more, each when another has taken over everything it saw.
func (w *Watcher) arrange(t *tree) {
	if w.ctx == nil || w.ctx.Err() != nil {
		return
	}
	needed := map[*node]bool{}
	for _, o := range t.objects {
		o.need(needed)
	}
	for n := range needed {
		if n.feed == nil {
			w.launch(n)
		}
	}
	for n := range t.nodes() {
		if n.feed != nil && !needed[n] && n.replaced(needed) {
			w.stop(n)
		}
	}
	for namespace, n := range t.spaces {
		if len(n.objects) == 0 {
			delete(t.spaces, namespace)
		}
	}
	if len(t.objects) == 0 {
		delete(w.trees, t.root.scope.GroupKind)
	}
}

// wanted reports that a node has enough objects to be watched as a whole.
func (n *node) wanted() bool { return len(n.objects) > n.many }

// need marks the nodes that have to be watched for an object: the widest that is
// wanted. What is watched of the narrower ones stays until that one works, and is
// added when it may not be watched, or when its list was made before anybody
// followed the object.
func (o *object) need(needed map[*node]bool) {
	for i, n := range o.path {
		if !n.wanted() {
			continue
		}
		needed[n] = true
		switch {
		case n.feed != nil && n.feed.why == stream.Forbidden:
			continue
		case n.feed != nil && n.feed.alive && o.listed:
		case n.feed != nil && n.feed.alive:
			needed[o.path[len(o.path)-1]] = true
		default:
			for _, narrower := range o.path[i+1:] {
				if narrower.feed != nil {
					needed[narrower] = true
				}
			}
		}
		return
	}
}

// replaced reports that everything a node sees is seen by others that stay.
func (n *node) replaced(needed map[*node]bool) bool {
	for _, o := range n.objects {
		covered := false
		for _, other := range o.path {
			covered = covered || other != n && needed[other] && o.listed && other.feed != nil && other.feed.alive
		}
		if !covered && n.feed.alive {
			return false
		}
	}
	return true
}
