package live

import (
	"context"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/observation"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/live/schedule"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

// Table holds what the watches see beside what the ledgers expect.
type Table struct {
	opts     Options
	source   stream.Source
	observer observation.Observer

	mu    sync.Mutex
	ctx   context.Context //nolint:containedctx // the lifetime of watches that Expect starts later
	group sync.WaitGroup
	units map[Unit]*unit
	kinds map[schema.GroupKind]*kind
	due   schedule.Queue[*claim]
	wakes []wake
	// orphans are objects that carry our Apply entry and name a unit that has not
	// claimed them.
	orphans map[Unit]map[*object]struct{}
	kick    chan struct{} // says to the debouncer that due changed

	evicted int
}

// wake is a call of Options.Wake that waits for the lock to be given up.
type wake struct {
	unit  Unit
	cause Cause
}

// New returns a table that watches nothing yet.
func New(opts Options) (*Table, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	return &Table{
		opts:     opts,
		source:   stream.Source{Metadata: opts.Metadata, Mapper: opts.Mapper, Clock: opts.Clock, Log: opts.Log},
		observer: observation.Observer{Owner: opts.Owner},
		units:    map[Unit]*unit{}, kinds: map[schema.GroupKind]*kind{}, orphans: map[Unit]map[*object]struct{}{},
		kick: make(chan struct{}, 1),
	}, nil
}

// Start runs the watches until ctx ends. It may be called once.
func (t *Table) Start(ctx context.Context) error {
	t.mu.Lock()
	t.ctx = ctx
	for _, k := range t.kinds {
		t.launch(k)
	}
	t.mu.Unlock()
	t.debounce(ctx)
	t.group.Wait()
	return nil
}

// locked runs f under the lock and then makes the calls that f asked for.
func (t *Table) locked(f func()) {
	t.mu.Lock()
	f()
	calls := t.wakes
	t.wakes = nil
	t.mu.Unlock()
	for _, w := range calls {
		t.opts.Wake(w.unit, w.cause)
	}
}

// Owner returns in whose name the objects are applied.
func (t *Table) Owner() *ownership.Owner { return t.opts.Owner }

// Expect declares the inventory of a unit, in place of what was declared before,
// and starts the watches it needs. Fingerprints that this process learned from an
// answer or a dry-run are newer than any ledger it can read, and stay.
func (t *Table) Expect(name Unit, inv inventory.Inventory) {
	t.locked(func() {
		u := t.unitOf(name)
		for _, c := range slices.Clone(u.claims) {
			if !inv.Has(c.object.id()) && c.inflight == 0 {
				t.release(c)
			}
		}
		for _, e := range inv.Entries() {
			c := t.claim(u, e.ID)
			c.record(e.Record)
			t.assess(c)
		}
	})
}

// record takes over what a ledger says.
func (c *claim) record(r inventory.Record) {
	c.set(skip, r.Live == inventory.Fingerprint{} && r.Desired != inventory.DesiredDigest{})
	switch {
	case c.source == fromLedger, c.is(skip) && c.source == fromAnswer:
		if c.expected() != r.Live {
			c.uid = observation.UID{}
		}
		c.expect(r.Live)
		c.source = fromLedger
	}
}

// Forget drops a unit and everything it expects.
func (t *Table) Forget(name Unit) {
	t.locked(func() {
		u, ok := t.units[name]
		if !ok {
			return
		}
		for _, c := range slices.Clone(u.claims) {
			t.release(c)
		}
		delete(t.units, name)
	})
}

// unitOf returns the record of a unit, which it makes if need be.
func (t *Table) unitOf(name Unit) *unit {
	u, ok := t.units[name]
	if !ok {
		u = &unit{name: name}
		t.units[name] = u
	}
	return u
}

// claimed returns the claim of a unit to an object, or nil.
func (t *Table) claimed(name Unit, id inventory.ID) *claim {
	k, ok := t.kinds[id.GroupKind()]
	if !ok {
		return nil
	}
	return k.objects[keyOf(id.Namespace, id.Name)].claimOf(t.units[name])
}

// claim returns the claim of a unit to an object, which it makes if need be.
func (t *Table) claim(u *unit, id inventory.ID) *claim {
	k := t.kindOf(id.GroupKind())
	o := k.adopt(keyOf(id.Namespace, id.Name))
	if c := o.claimOf(u); c != nil {
		return c
	}
	t.unindex(o)
	c := &claim{unit: u, object: o}
	c.hold()
	k.claims++
	t.index(o)
	return c
}

// release drops a claim, and with the last claim of a kind its watch.
func (t *Table) release(c *claim) {
	o := c.object
	t.due.Remove(c)
	t.unindex(o)
	c.drop()
	if o.claims == nil {
		o.kind.disown(o)
	}
	if o.kind.find(o.at) == o {
		t.index(o)
	}
	if o.kind.claims--; o.kind.claims == 0 {
		t.drop(o.kind)
	}
}

// Applying announces an apply of an object. Until done is called with its
// answer, or the error instead of one, nothing is concluded from what the watch
// sees of the object. The fingerprint of the answer becomes the expected one and
// is returned.
func (t *Table) Applying(name Unit, id inventory.ID) (done func(answer *unstructured.Unstructured, err error) inventory.Fingerprint) {
	var c *claim
	t.locked(func() {
		c = t.claim(t.unitOf(name), id)
		c.inflight++
		t.due.Remove(c)
	})
	return func(answer *unstructured.Unstructured, err error) inventory.Fingerprint {
		var s *observation.Object
		var fingerprint inventory.Fingerprint
		if err == nil && answer != nil {
			s = t.observer.Observe(answer)
			fingerprint = s.Fingerprint()
		}
		t.locked(func() {
			c.inflight--
			if c.is(released) {
				return
			}
			if s != nil {
				t.answered(c, s)
			}
			t.assess(c)
		})
		return fingerprint
	}
}

// answered takes the answer to an apply for what is expected, and for an observation
// unless the watch has come further.
func (t *Table) answered(c *claim, s *observation.Object) {
	c.expect(s.Fingerprint())
	c.uid, c.source, c.harmless = s.UID(), fromAnswer, 0
	c.set(skip|forced, false)
	k := c.object.kind
	if k.why != "" {
		k.stream.Retry() // the kind is served, whatever the last attempt found
	}
	if k.accepts(c.object, s.Order()) {
		t.see(c.object, s)
	}
	c.forgetWriter()
}

// Verified says that a dry-run found nothing to change about an object whose
// fingerprint was seen. It becomes the expected one, to be written to the ledger
// with the next status write.
func (t *Table) Verified(name Unit, id inventory.ID, seen inventory.Fingerprint) {
	t.locked(func() {
		c := t.claimed(name, id)
		if c == nil {
			return
		}
		c.expect(seen)
		c.set(forced, false)
		c.source = fromVerified
		c.harmless = min(c.harmless+1, maxHarmless)
		c.forgetWriter()
		t.assess(c)
	})
}

// SchemaChanged says that the schema of kinds changed: what was applied under
// the old one is no longer known to be there.
func (t *Table) SchemaChanged(kinds ...schema.GroupKind) {
	t.locked(func() {
		for _, gk := range kinds {
			if k, ok := t.kinds[gk]; ok {
				k.retry()
				t.distrust(k)
			}
		}
	})
}

// KindsCame says that kinds are served that were not: their objects are looked for at
// once. Nothing can have been applied under an older schema of them.
func (t *Table) KindsCame(kinds ...schema.GroupKind) {
	t.locked(func() {
		for _, gk := range kinds {
			if k, ok := t.kinds[gk]; ok {
				k.retry()
			}
		}
	})
}

// distrust makes every object of a kind dirty.
func (t *Table) distrust(k *kind) {
	for _, o := range k.objects {
		for c := o.claims; c != nil; c = c.next {
			c.set(forced, true)
			t.assess(c)
		}
	}
}
