package live

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// Table holds what the watches see beside what the ledgers expect.
type Table struct {
	opts Options

	mu    sync.Mutex
	ctx   context.Context //nolint:containedctx // the lifetime of watches that Expect starts later
	group sync.WaitGroup
	units map[Unit]*unit
	kinds map[schema.GroupKind]*kind
	due   map[*claim]time.Time
	wakes []wake
	kick  chan struct{} // tells the debouncer that due changed

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
		opts: opts, units: map[Unit]*unit{}, kinds: map[schema.GroupKind]*kind{},
		due: map[*claim]time.Time{}, kick: make(chan struct{}, 1),
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

// Marker returns what the table computes fingerprints with.
func (t *Table) Marker() mark.Marker { return t.opts.Marker }

// Takeover returns the managers whose fields are taken over.
func (t *Table) Takeover() []mark.Takeover { return t.opts.Takeover }

// Expect declares the inventory of a unit, in place of what was declared before,
// and starts the watches it needs. Marks that this process learned from an
// answer or a dry-run are newer than any ledger it can read, and stay.
func (t *Table) Expect(name Unit, inv inventory.Inventory) {
	t.locked(func() {
		u := t.unitOf(name)
		for id, c := range u.claims {
			if !inv.Has(id) && c.inflight == 0 {
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
	c.want.skip = r.Live == inventory.Fingerprint{} && r.Desired != inventory.Mark{}
	switch {
	case c.source == fromLedger, c.want.skip && c.source == fromAnswer:
		if c.want.live != r.Live {
			c.want.uid = ""
		}
		c.want.live, c.source = r.Live, fromLedger
	}
}

// Forget drops a unit and everything it expects.
func (t *Table) Forget(name Unit) {
	t.locked(func() {
		u, ok := t.units[name]
		if !ok {
			return
		}
		for _, c := range u.claims {
			t.release(c)
		}
		delete(t.units, name)
	})
}

// unitOf returns the record of a unit, which it makes if need be.
func (t *Table) unitOf(name Unit) *unit {
	u, ok := t.units[name]
	if !ok {
		u = &unit{name: name, claims: map[inventory.ID]*claim{}}
		t.units[name] = u
	}
	return u
}

// claim returns the claim of a unit to an object, which it makes if need be.
func (t *Table) claim(u *unit, id inventory.ID) *claim {
	if c, ok := u.claims[id]; ok {
		return c
	}
	k := t.kindOf(id.GroupKind())
	c := &claim{unit: u, id: id, object: k.adopt(keyOf(id.Namespace, id.Name))}
	c.object.claims = append(c.object.claims, c)
	u.claims[id] = c
	k.claims++
	return c
}

// release drops a claim, and with the last claim of a kind its watch.
func (t *Table) release(c *claim) {
	delete(c.unit.claims, c.id)
	delete(t.due, c)
	c.object.claims = slices.DeleteFunc(c.object.claims, func(other *claim) bool { return other == c })
	k := t.kinds[c.id.GroupKind()]
	k.claims--
	if len(c.object.claims) == 0 {
		k.disown(keyOf(c.id.Namespace, c.id.Name))
	}
	if k.claims == 0 {
		t.drop(k)
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
		delete(t.due, c)
	})
	return func(answer *unstructured.Unstructured, err error) inventory.Fingerprint {
		var print inventory.Fingerprint
		t.locked(func() {
			c.inflight--
			if err == nil && answer != nil {
				print = t.answered(c, answer)
			}
			t.assess(c)
		})
		return print
	}
}

// answered takes the answer to an apply for what is expected, and for a sighting
// unless the watch has come further.
func (t *Table) answered(c *claim, answer *unstructured.Unstructured) inventory.Fingerprint {
	s := t.sight(answer)
	c.want = expectation{live: s.print, uid: s.uid}
	c.source, c.quiet = fromAnswer, 0
	if k, ok := t.kinds[c.id.GroupKind()]; ok && c.unit.claims[c.id] == c {
		k.retry()
		if k.accepts(c.object, s.order) {
			t.see(k, c.object, s)
		}
	}
	return s.print
}

// MarkVerified says that a dry-run found nothing to change about an object whose
// marks were seen. They become the expected ones, to be written to the ledger
// with the next status write.
func (t *Table) MarkVerified(name Unit, id inventory.ID, seen inventory.Fingerprint) {
	t.locked(func() {
		u, ok := t.units[name]
		if !ok {
			return
		}
		if c, ok := u.claims[id]; ok {
			c.want.live, c.want.forced = seen, false
			c.source = fromVerified
			c.quiet++
			t.assess(c)
		}
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

// distrust makes every object of a kind dirty.
func (t *Table) distrust(k *kind) {
	for _, o := range k.objects {
		for _, c := range o.claims {
			c.want.forced = true
			t.assess(c)
		}
	}
}
