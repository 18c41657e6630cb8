package live

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// kind is everything the table keeps for a kind.
type kind struct {
	gk schema.GroupKind
	// objects are those that a unit claims, seen or not; unclaimed are labelled
	// objects that no unit has in its inventory.
	objects, unclaimed map[key]*object
	claims             int
	// lost says that unclaimed objects had to be dropped: an object that is
	// claimed later may be among them, so that only a new list can tell.
	lost bool

	listed bool // a list has been taken in
	alive  bool // a list has been taken in and the watch is open
	failed bool // the kind cannot be watched at present
	// floor is the version of the last list: events up to it are history. newest
	// is the highest version seen in a list, event or answer.
	floor, newest uint64
	// reached is how far the watch has come.
	reached uint64

	cancel  context.CancelFunc // nil until the watch runs
	again   chan struct{}      // ends a pause before the next attempt
	refresh refresher
}

func newKind(gk schema.GroupKind) *kind {
	return &kind{gk: gk, objects: map[key]*object{}, unclaimed: map[key]*object{}, again: make(chan struct{}, 1)}
}

// settled reports that the kind has been listed, or was found unwatchable.
func (k *kind) settled() bool { return k.listed && k.alive || k.failed }

// retry ends a pause that a failed watch is making.
func (k *kind) retry() {
	if k.failed || k.lost {
		select {
		case k.again <- struct{}{}:
		default:
		}
	}
}

func (k *kind) find(at key) *object {
	if o, ok := k.objects[at]; ok {
		return o
	}
	return k.unclaimed[at]
}

func (k *kind) sees(at key) bool {
	o := k.find(at)
	return o != nil && o.seen != nil
}

func (k *kind) each(f func(key, *object)) {
	for at, o := range k.objects {
		f(at, o)
	}
	for at, o := range k.unclaimed {
		f(at, o)
	}
}

// adopt returns the object at a key for a claim to be put on.
func (k *kind) adopt(at key) *object {
	o, ok := k.objects[at]
	if !ok {
		if o, ok = k.unclaimed[at]; !ok {
			o = &object{}
			k.retry()
		}
		delete(k.unclaimed, at)
		k.objects[at] = o
	}
	return o
}

// disown takes the object whose last claim is gone from the claimed ones.
func (k *kind) disown(at key) {
	o := k.objects[at]
	delete(k.objects, at)
	if o.seen != nil && len(k.unclaimed) < maxUnclaimed {
		k.unclaimed[at] = o
	}
}

// accepts reports that a sighting of the given order is news. An object that is
// not seen although the watch has come further than the sighting is gone again.
func (k *kind) accepts(o *object, order uint64) bool {
	if order == 0 {
		return true
	}
	if o.seen == nil {
		return order > k.reached
	}
	return order > o.seen.order
}

// kindOf returns the record of a kind, which it makes, with its watch, if need
// be.
func (t *Table) kindOf(gk schema.GroupKind) *kind {
	k, ok := t.kinds[gk]
	if !ok {
		k = newKind(gk)
		t.kinds[gk] = k
		if t.ctx != nil {
			t.launch(k)
		}
	}
	return k
}

// drop ends the watch of a kind.
func (t *Table) drop(k *kind) {
	if k.cancel != nil {
		k.cancel()
	}
	delete(t.kinds, k.gk)
}

// event takes in what a watch reported. A deletion is an object that is not seen
// any more: a removed label looks the same.
func (t *Table) event(k *kind, obj metav1.Object, gone bool) {
	order := mark.Order(obj.GetResourceVersion())
	k.reached, k.newest = max(k.reached, order), max(k.newest, order)
	if order != 0 && order <= k.floor {
		return
	}
	at := keyOf(obj.GetNamespace(), obj.GetName())
	o := k.find(at)
	switch {
	case gone && o == nil:
	case gone:
		if o.seen == nil || order == 0 || order >= o.seen.order {
			t.unsee(k, at, o)
		}
	case o == nil:
		t.remember(k, at, t.sight(obj))
	case o.seen == nil || order == 0 || order > o.seen.order:
		t.see(k, o, t.sight(obj))
	}
}

// remember keeps an object that no unit claims, within bounds.
func (t *Table) remember(k *kind, at key, s *sighting) {
	if len(k.unclaimed) >= maxUnclaimed {
		k.lost = true
		t.evicted++
		return
	}
	k.unclaimed[at] = &object{seen: s}
}

// see puts a sighting in place of the one before and tells whom it concerns.
func (t *Table) see(k *kind, o *object, s *sighting) {
	changed := o.seen == nil || o.seen.rv != s.rv
	o.seen = s
	k.newest = max(k.newest, s.order)
	if changed {
		t.changed(o)
	}
}

func (t *Table) unsee(k *kind, at key, o *object) {
	o.seen = nil
	if len(o.claims) == 0 {
		delete(k.unclaimed, at)
		return
	}
	t.changed(o)
}

// changed tells the units that claim an object about its new state.
func (t *Table) changed(o *object) {
	for _, c := range o.claims {
		t.assess(c)
		if _, ok := c.unit.awaited[c.id]; ok && c.inflight == 0 {
			t.wakes = append(t.wakes, wake{c.unit.name, CauseHealth})
		}
	}
}

// listing is a list as it comes in, reduced page by page.
type listing struct {
	started time.Time
	newest  uint64 // the newest version known when the list began
	order   uint64
	rv      string
	seen    map[key]*sighting
}

// replace puts a list in the place of everything seen. Sightings newer than the
// list are of answers that came while it was on its way, and stay; that is,
// unless the list is older than what was seen before it began, in which case the
// server went back in time and nothing that was recorded can be trusted.
func (t *Table) replace(k *kind, l *listing) {
	restored := l.order != 0 && l.order < l.newest
	keep := func(o *object) bool {
		return !restored && l.order != 0 && o.seen != nil && o.seen.order > l.order
	}
	k.listed, k.lost = true, false
	k.refresh.done = l.started
	if restored {
		k.newest, k.reached = l.order, l.order
	}
	k.floor, k.reached, k.newest = l.order, max(k.reached, l.order), max(k.newest, l.order)
	k.each(func(at key, o *object) {
		if _, ok := l.seen[at]; !ok && o.seen != nil && !keep(o) {
			t.unsee(k, at, o)
		}
	})
	for at, s := range l.seen {
		switch o := k.find(at); {
		case o == nil:
			t.remember(k, at, s)
		case !keep(o):
			t.see(k, o, s)
		}
	}
	if restored {
		t.opts.Log.Info("the server's version went back; everything is checked anew", "kind", k.gk.String())
		t.distrust(k)
	}
	t.reassess(k)
}

// reassess judges every object of a kind anew, after the kind as a whole
// changed, and tells units that wait for their kinds.
func (t *Table) reassess(k *kind) {
	waiting := map[*unit]struct{}{}
	for _, o := range k.objects {
		for _, c := range o.claims {
			t.assess(c)
			if c.unit.asked {
				waiting[c.unit] = struct{}{}
			}
		}
	}
	for u := range waiting {
		if t.isSettled(u) {
			u.asked = false
			t.wakes = append(t.wakes, wake{u.name, CauseSynced})
		}
	}
}

func (t *Table) isSettled(u *unit) bool {
	for id := range u.claims {
		if !t.kinds[id.GroupKind()].settled() {
			return false
		}
	}
	return true
}
