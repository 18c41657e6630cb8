package live

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// Judge says what memory knows about the objects of a unit. A unit that is
// judged before its kinds were listed is woken when they are.
func (t *Table) Judge(name Unit) Judgement {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := Judgement{Synced: true, Objects: map[inventory.ID]mark.Verdict{}}
	u, ok := t.units[name]
	if !ok {
		return Judgement{}
	}
	for id, c := range u.claims {
		v, settled := t.verdict(c)
		if !settled {
			j.Synced = false
		}
		if v.Kind != mark.Clean {
			j.Objects[id] = v
		}
	}
	u.asked = u.asked || !j.Synced
	return j
}

// verdict judges one object; settled is false while its kind has not been
// listed. An apply in flight defers judgement.
func (t *Table) verdict(c *claim) (v mark.Verdict, settled bool) {
	gk := c.id.GroupKind()
	k := t.kinds[gk]
	if !k.settled() {
		return mark.Verdict{}, false
	}
	if c.inflight > 0 {
		return mark.Verdict{}, true
	}
	return judge(facts{
		unit: c.unit.name, want: c.want, seen: c.object.seen, kind: gk,
		unwatchable: !k.alive, nsDeleting: t.namespaceDeleting(c.id.Namespace),
	}), true
}

// namespaceDeleting reports that a namespace is seen to be deleted. Only
// namespaces that some unit owns are seen.
func (t *Table) namespaceDeleting(name string) bool {
	k, ok := t.kinds[schema.GroupKind{Kind: "Namespace"}]
	if !ok || name == "" {
		return false
	}
	o := k.find(keyOf("", name))
	return o != nil && o.seen != nil && o.seen.has(deleting)
}

// Lookup returns what the watch last saw of an object.
func (t *Table) Lookup(id inventory.ID) (Observation, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.kinds[id.GroupKind()]
	if !ok || !k.alive {
		return Observation{}, false
	}
	o := k.find(keyOf(id.Namespace, id.Name))
	if o == nil || o.seen == nil {
		return Observation{}, false
	}
	return observationOf(id, o.seen), true
}

func observationOf(id inventory.ID, s *sighting) Observation {
	return Observation{
		ID: id, UID: s.uid, ResourceVersion: s.rv, Owner: s.owner.Value(),
		Policy: s.policies(), Deleting: s.has(deleting), Ours: s.has(ours),
		Print: s.print, Takeover: s.has(takeover),
	}
}

// Known reports that the watch sees an object that the unit owns, with the UID
// of our last answer if there was one, and that carries our Apply entry.
func (t *Table) Known(name Unit, id inventory.ID) bool {
	var uid types.UID
	t.mu.Lock()
	if u, ok := t.units[name]; ok {
		if c, ok := u.claims[id]; ok {
			uid = c.want.uid
		}
	}
	t.mu.Unlock()
	seen, ok := t.Lookup(id)
	return ok && seen.Owner == name && seen.Ours && !seen.Deleting && (uid == "" || uid == seen.UID)
}

// Strays lists objects that carry our Apply entry and name the unit as their
// owner, and that the unit has not in its inventory: what a process that was
// killed had applied and not recorded. Only kinds that are watched are searched.
func (t *Table) Strays(name Unit) []Observation {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []Observation
	for gk, k := range t.kinds {
		k.each(func(at key, o *object) {
			if o.seen == nil || !o.seen.has(ours) || o.seen.owner.Value() != name {
				return
			}
			id := inventory.ID{Namespace: at.namespace.Value(), Name: at.name, Group: gk.Group, Kind: gk.Kind}
			if u, ok := t.units[name]; !ok || u.claims[id] == nil {
				found = append(found, observationOf(id, o.seen))
			}
		})
	}
	return found
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
		if !ok || !k.alive || !k.sees(keyOf(id.Namespace, id.Name)) {
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
			if o.seen != nil {
				sizes.Objects++
			}
		}
	}
	return sizes
}
