package live

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/observation"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

// Judge says what is known of the objects of a unit. A unit that is
// judged before its kinds were listed is woken when they are.
func (t *Table) Judge(name Unit) Judgement {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := Judgement{Synced: true, Objects: map[inventory.ID]Finding{}}
	u, ok := t.units[name]
	if !ok {
		return Judgement{}
	}
	for _, c := range u.claims {
		v, ready := t.find(c)
		if !ready {
			j.Synced = false
		}
		if v.State != drift.Clean {
			j.Objects[c.object.id()] = v
		}
		if why := c.unwatchable(v.State); why != "" {
			if j.Unwatchable == nil {
				j.Unwatchable = map[schema.GroupKind]string{}
			}
			j.Unwatchable[c.object.kind.gk] = why
		}
	}
	u.asked = u.asked || !j.Synced
	return j
}

// noManagers is why nothing is known of an object of a watched kind.
const noManagers = "its objects carry no managed fields"

// unwatchable says why the kind of an object cannot be watched; empty when it
// can.
func (c *claim) unwatchable(state drift.State) string {
	k, seen := c.object.kind, c.object.visible()
	switch {
	case !k.alive:
		return string(k.why)
	case state == drift.Unwatched && seen != nil && seen.Has(observation.Unmanaged):
		return noManagers
	}
	return ""
}

// find judges one object; ready is false while its kind has not been
// listed. An apply in flight defers judgement.
func (t *Table) find(c *claim) (v Finding, ready bool) {
	k := c.object.kind
	if !k.ready() {
		return Finding{}, false
	}
	if c.inflight > 0 {
		return Finding{}, true
	}
	seen := c.object.visible()
	v = judge(facts{
		claim: c, seen: seen, unwatchable: !k.alive, undefined: !k.alive && k.why == stream.NotServed, nsDeleting: t.namespaceDeleting(c.object.at.namespace.Value()),
	})
	if v.State == drift.Dirty || v.State == drift.Suspect {
		v.By = seen.By()
	}
	return v, true
}

// namespaceDeleting reports that a namespace is seen to be deleted. Only
// namespaces that some unit owns are seen.
func (t *Table) namespaceDeleting(name string) bool {
	k, ok := t.kinds[schema.GroupKind{Kind: "Namespace"}]
	if !ok || name == "" {
		return false
	}
	s := k.find(keyOf("", name)).visible()
	return s != nil && s.Has(observation.Deleting)
}

// Lookup returns what the watch last saw of an object.
func (t *Table) Lookup(id inventory.ID) (Observation, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.kinds[id.GroupKind()]
	if !ok || !k.alive {
		return Observation{}, false
	}
	s := k.find(keyOf(id.Namespace, id.Name)).visible()
	if s == nil {
		return Observation{}, false
	}
	return observationOf(id, s), true
}

func observationOf(id inventory.ID, s *observation.Object) Observation {
	return Observation{
		ID: id, UID: s.UIDText(), ResourceVersion: s.ResourceVersion(), Owner: s.Owner(),
		Policy: s.Policy(), Deleting: s.Has(observation.Deleting),
		Fingerprint: s.Fingerprint(), Takeover: s.Has(observation.Takeover),
	}
}

// Known reports that the watch sees an object that the unit owns, with the UID
// of our last answer if there was one, and that carries our Apply entry.
func (t *Table) Known(name Unit, id inventory.ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.kinds[id.GroupKind()]
	if !ok || !k.alive {
		return false
	}
	s := k.find(keyOf(id.Namespace, id.Name)).visible()
	if s == nil || s.Owner() != name || !s.Has(observation.Ours) || s.Has(observation.Deleting) {
		return false
	}
	c := t.claimed(name, id)
	return c == nil || c.uid == (observation.UID{}) || c.uid == s.UID()
}

// Orphans lists objects that carry our Apply entry and name the unit as their
// owner, and that the unit has not in its inventory: what a process that was
// killed had applied and not recorded. Only kinds that are watched are searched.
func (t *Table) Orphans(name Unit) []Observation {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []Observation
	for o := range t.orphans[name] {
		found = append(found, observationOf(o.id(), o.seen))
	}
	return found
}

// index enters an object among the orphans, if it is one. What an object is seen
// as and who claims it must not change between index and unindex.
func (t *Table) index(o *object) {
	s := o.visible()
	if s == nil || !s.Has(observation.Ours) {
		return
	}
	name := s.Owner()
	if o.claimOf(t.units[name]) != nil {
		return
	}
	if t.orphans[name] == nil {
		t.orphans[name] = map[*object]struct{}{}
	}
	t.orphans[name][o] = struct{}{}
}

// unindex takes an object from the orphans.
func (t *Table) unindex(o *object) {
	s := o.visible()
	if s == nil || len(t.orphans) == 0 {
		return
	}
	name := s.Owner()
	if all, ok := t.orphans[name]; ok {
		if delete(all, o); len(all) == 0 {
			delete(t.orphans, name)
		}
	}
}

// Await names the objects whose every change wakes the unit, in place of those
// named before, and returns the ones that the watch does not see, to which this
// cannot apply.
func (t *Table) Await(name Unit, ids []inventory.ID) (unseen []inventory.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.unitOf(name)
	u.awaited = make(map[inventory.ID]struct{}, len(ids))
	for _, id := range ids {
		u.awaited[id] = struct{}{}
		k, ok := t.kinds[id.GroupKind()]
		if !ok || !k.alive || k.find(keyOf(id.Namespace, id.Name)).visible() == nil {
			unseen = append(unseen, id)
		}
	}
	return unseen
}

// Sizes are the numbers that metrics show.
type Sizes struct {
	// Watches is the number of kinds that are watched.
	Watches int
	// Objects is the number of objects that are seen and in an inventory.
	Objects int
	// Dropped is the number of labelled objects that are in no inventory of the
	// unit they name.
	Dropped int
}

// Metrics counts what the table holds.
func (t *Table) Metrics() Sizes {
	t.mu.Lock()
	defer t.mu.Unlock()
	sizes := Sizes{Dropped: t.evicted}
	for _, k := range t.kinds {
		if k.alive {
			sizes.Watches++
		}
		sizes.Dropped += len(k.unclaimed)
		for _, o := range k.objects {
			if o.visible() != nil {
				sizes.Objects++
			}
		}
	}
	return sizes
}
