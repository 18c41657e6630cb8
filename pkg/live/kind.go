package live

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/live/coalesce"
	"github.com/capstan-gitops/capstan/pkg/live/observation"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
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

	listed bool          // a list has been taken in
	alive  bool          // a list has been taken in and the watch is open
	why    stream.Reason // why the kind cannot be watched at present
	// floor is the version of the last list: events up to it are history. newest
	// is the highest version seen in a list, event or answer.
	floor, newest uint64
	// reached is how far the watch has come.
	reached uint64

	stream *stream.Stream
	lists  *coalesce.Group    // lists that someone asks for
	cancel context.CancelFunc // nil until the watch runs
}

// ready reports that the kind has been listed, or was found unwatchable.
func (k *kind) ready() bool { return k.listed && k.alive || k.why != "" }

// retry ends a pause that a failed watch is making, and has a list made when
// objects had to be dropped.
func (k *kind) retry() {
	switch {
	case k.lost:
		k.stream.Relist()
	case k.why != "":
		k.stream.Retry()
	}
}

// forgetReports has what was found out about objects reported once more.
func (k *kind) forgetReports() {
	for _, o := range k.objects {
		for c := o.claims; c != nil; c = c.next {
			c.reported = drift.Clean
		}
	}
}

func (k *kind) find(at key) *object {
	if o, ok := k.objects[at]; ok {
		return o
	}
	return k.unclaimed[at]
}

func (k *kind) each(f func(*object)) {
	for _, o := range k.objects {
		f(o)
	}
	for _, o := range k.unclaimed {
		f(o)
	}
}

// adopt returns the object at a key for a claim to be put on.
func (k *kind) adopt(at key) *object {
	o, ok := k.objects[at]
	if !ok {
		if o, ok = k.unclaimed[at]; !ok {
			o = &object{kind: k, at: at}
			k.retry()
		}
		delete(k.unclaimed, at)
		k.objects[at] = o
	}
	return o
}

// disown takes an object whose last claim is gone from the claimed ones.
func (k *kind) disown(o *object) {
	delete(k.objects, o.at)
	switch {
	case o.visible() == nil:
		o.seen = nil
	case len(k.unclaimed) < maxUnclaimed:
		o.seen.ForgetWriter()
		k.unclaimed[o.at] = o
	}
}

// accepts reports that an answer of the given order is new. An object that is
// not seen although the watch has come further than the answer is gone again.
func (k *kind) accepts(o *object, order uint64) bool {
	switch {
	case order == 0:
		return true
	case o.visible() == nil:
		return order > k.reached
	}
	return order > o.seen.Order()
}

// reach notes how far the watch has come.
func (k *kind) reach(order uint64) { k.reached, k.newest = max(k.reached, order), max(k.newest, order) }

// kindOf returns the record of a kind, which it makes, with its watch, if need
// be.
func (t *Table) kindOf(gk schema.GroupKind) *kind {
	k, ok := t.kinds[gk]
	if !ok {
		k = &kind{
			gk: gk, objects: map[key]*object{}, unclaimed: map[key]*object{},
			lists: coalesce.New(t.opts.Clock, t.opts.ListSpacing),
		}
		k.stream = stream.New(t.source, stream.Scope{GroupKind: gk, Labels: t.opts.Owner.Names().NameLabel}, feed{t, k})
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
	for _, o := range k.unclaimed {
		t.unindex(o)
	}
	delete(t.kinds, k.gk)
}

// found takes in the state of an object that the watch reported.
func (t *Table) found(k *kind, at key, order uint64, s *observation.Object) {
	k.reach(order)
	if order != 0 && order <= k.floor {
		return
	}
	switch o := k.find(at); {
	case o == nil:
		t.remember(k, at, s)
	case o.seen == nil || order == 0 || order > o.seen.Order():
		t.see(o, s)
	}
}

// lost takes in a deletion that the watch reported. It is an object that is not
// seen any more: a removed label looks the same. Its order is kept where a unit
// claims the object, so that an event that comes late does not bring it back.
func (t *Table) lost(k *kind, at key, order uint64) {
	k.reach(order)
	o := k.find(at)
	if o == nil || order != 0 && (order <= k.floor || o.seen != nil && order < o.seen.Order()) {
		return
	}
	t.unsee(o, order)
}

// remember keeps an object that no unit claims, within bounds.
func (t *Table) remember(k *kind, at key, s *observation.Object) {
	if len(k.unclaimed) >= maxUnclaimed {
		k.lost = true
		t.evicted++
		return
	}
	o := &object{kind: k, at: at, seen: s}
	k.unclaimed[at] = o
	t.index(o)
}

// see puts an observation in place of the one before and reports it to whom it concerns.
func (t *Table) see(o *object, s *observation.Object) {
	before := o.visible()
	t.unindex(o)
	o.seen = s
	t.index(o)
	o.kind.newest = max(o.kind.newest, s.Order())
	if before == nil || !before.Same(s.UIDText(), s.ResourceVersion()) {
		t.changed(o)
	}
}

// unsee notes that an object is not there.
func (t *Table) unsee(o *object, order uint64) {
	before := o.visible()
	t.unindex(o)
	o.seen = nil
	if o.claims == nil {
		delete(o.kind.unclaimed, o.at)
		return
	}
	if order != 0 {
		o.seen = observation.Absence(order)
	}
	if before != nil {
		t.changed(o)
	}
}

// changed notifies the units that claim an object of its new state.
func (t *Table) changed(o *object) {
	for c := o.claims; c != nil; c = c.next {
		t.assess(c)
		if len(c.unit.awaited) == 0 || c.inflight > 0 {
			continue
		}
		if _, ok := c.unit.awaited[o.id()]; ok {
			t.wakes = append(t.wakes, wake{c.unit.name, CauseHealth})
		}
	}
}

// replace puts a list in the place of everything seen. Observations newer than the
// list are of answers that came while it was on its way, and stay; that is,
// unless the list is older than what was seen before it began, in which case the
// server went back in time and nothing that was recorded can be trusted.
func (t *Table) replace(k *kind, l *listing) {
	restored := l.order != 0 && l.order < l.newest
	keep := func(o *object) bool {
		return !restored && l.order != 0 && o.seen != nil && o.seen.Order() > l.order
	}
	k.listed, k.lost = true, false
	k.lists.Succeeded(l.started)
	if restored {
		k.newest, k.reached = 0, 0
	}
	k.floor = l.order
	k.reach(l.order)
	k.each(func(o *object) {
		if _, ok := l.seen[o.at]; !ok && o.seen != nil && !keep(o) {
			t.unsee(o, 0)
		}
	})
	for at, s := range l.seen {
		switch o := k.find(at); {
		case o == nil:
			t.remember(k, at, s)
		case !keep(o):
			t.see(o, s)
		}
	}
	if restored {
		t.opts.Log.Info("the server's version went back; everything is checked anew", "kind", k.gk.String())
		t.distrust(k)
	}
	t.reassess(k)
}

// reassess judges every object of a kind anew, after the kind as a whole
// changed, and wakes units that wait for their kinds.
func (t *Table) reassess(k *kind) {
	waiting := map[*unit]struct{}{}
	for _, o := range k.objects {
		for c := o.claims; c != nil; c = c.next {
			t.assess(c)
			if c.unit.asked {
				waiting[c.unit] = struct{}{}
			}
		}
	}
	for u := range waiting {
		if u.ready() {
			u.asked = false
			t.wakes = append(t.wakes, wake{u.name, CauseSynced})
		}
	}
}

// ready reports that every kind of the unit is.
func (u *unit) ready() bool {
	for _, c := range u.claims {
		if !c.object.kind.ready() {
			return false
		}
	}
	return true
}
