package live

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

// The defaults are those of every run; longer ones take other seeds.
var (
	historySteps = flag.Int("history-steps", 2000, "writes to the objects of TestHistory")
	historySeed  = flag.Uint64("history-seed", 1, "seed of TestHistory")
)

// report is an event on its way.
type report struct {
	what watch.EventType
	obj  *metav1.PartialObjectMetadata
}

// pending is an apply whose answer is on its way.
type pending struct {
	done   func(*unstructured.Unstructured, error) inventory.Fingerprint
	answer *metav1.PartialObjectMetadata
}

// past is a server with a history, and a table that gets its events in bad order.
type past struct {
	*bench
	t         *testing.T
	rng       *rand.Rand
	version   int
	uids      int
	now       int64
	objects   map[string]*metav1.PartialObjectMetadata
	hidden    map[string]bool // the owner label is not on the object
	reports   []report
	delivered []report // to be delivered again
	answers   map[string]pending
	answer    map[string]*metav1.PartialObjectMetadata // the last one delivered
	forced    map[string]bool
	lists     []func()
}

func newPast(t *testing.T, rng *rand.Rand, names ...string) *past {
	t.Helper()
	p := &past{
		bench: newBench(t), t: t, rng: rng, version: 10,
		objects: map[string]*metav1.PartialObjectMetadata{}, hidden: map[string]bool{},
		answers: map[string]pending{}, answer: map[string]*metav1.PartialObjectMetadata{}, forced: map[string]bool{},
	}
	p.calls = make(chan Cause)
	p.opts.Wake = func(Unit, Cause) {}
	for _, name := range names {
		p.claimOf(p.Table, name)
	}
	p.begin()()
	p.feed().Opened()
	return p
}

func (p *past) claimOf(table *Table, name string) {
	table.locked(func() { table.claim(table.unitOf(owner), p.id(name)) })
}

func (p *past) feed() feed { return feed{p.Table, p.kinds[thingsOf]} }

func (p *past) id(name string) inventory.ID {
	return inventory.ID{Namespace: "shop", Name: name, Kind: "ConfigMap"}
}

// write changes an object, and reports it.
func (p *past) write(name string, change func(*metav1.PartialObjectMetadata)) *metav1.PartialObjectMetadata {
	p.version += 1 + p.rng.IntN(2)
	what, obj := watch.Modified, p.objects[name].DeepCopy()
	if p.objects[name] == nil {
		p.uids++
		what = watch.Added
		obj = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "shop", UID: types.UID(fmt.Sprintf("u%d", p.uids)), Generation: 1,
			Labels: map[string]string{testowner.NameLabel: owner.Name, testowner.NamespaceLabel: owner.Namespace},
		}}
		p.hidden[name] = false
	}
	change(obj)
	obj.ResourceVersion = strconv.Itoa(p.version)
	p.objects[name] = obj
	if _, labelled := obj.Labels[testowner.NameLabel]; !labelled {
		if p.hidden[name] {
			return obj // a watch by label does not see it
		}
		p.hidden[name], what = true, watch.Deleted
	} else if p.hidden[name] {
		p.hidden[name], what = false, watch.Added
	}
	p.reports = append(p.reports, report{what, obj})
	return obj
}

func (p *past) remove(name string) {
	p.version++
	last := p.objects[name].DeepCopy()
	last.ResourceVersion = strconv.Itoa(p.version)
	delete(p.objects, name)
	if !p.hidden[name] {
		p.reports = append(p.reports, report{watch.Deleted, last})
	}
	p.hidden[name] = false
}

// apply applies the object; its answer comes later.
func (p *past) apply(name string) {
	if _, busy := p.answers[name]; busy {
		return
	}
	done := p.Applying(owner, p.id(name))
	p.now++
	at := metav1.Unix(p.now, 0)
	answer := p.write(name, func(o *metav1.PartialObjectMetadata) {
		o.Generation++
		o.Labels = map[string]string{testowner.NameLabel: owner.Name, testowner.NamespaceLabel: owner.Namespace}
		o.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: testowner.Manager, Operation: "Apply", APIVersion: "v1", Time: &at,
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{},"f:b":{}}}`),
		}}
	})
	p.answers[name] = pending{done, answer}
}

// steal takes a field from us.
func (p *past) steal(o *metav1.PartialObjectMetadata) {
	p.now++
	at := metav1.Unix(p.now, 0)
	o.Generation++
	if len(o.ManagedFields) > 0 {
		own := o.ManagedFields[0]
		own.FieldsV1 = metav1.NewFieldsV1(`{"f:data":{"f:b":{}}}`)
		o.ManagedFields = []metav1.ManagedFieldsEntry{own, {
			Manager: fmt.Sprintf("writer-%d", p.rng.IntN(5)), Operation: "Update", APIVersion: "v1", Time: &at,
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{}}}`),
		}}
	}
}

// change makes one write of any kind.
func (p *past) change(name string) {
	o := p.objects[name]
	if o == nil {
		p.apply(name)
		return
	}
	none := func(*metav1.PartialObjectMetadata) {}
	switch p.rng.IntN(10) {
	case 0, 1, 2:
		p.apply(name)
	case 3:
		p.write(name, p.steal)
	case 4:
		p.write(name, func(o *metav1.PartialObjectMetadata) { o.Generation++ })
	case 5:
		p.write(name, none)
	case 6, 7:
		p.remove(name)
	case 8:
		p.write(name, func(o *metav1.PartialObjectMetadata) { o.Labels = map[string]string{} })
	case 9:
		p.write(name, func(o *metav1.PartialObjectMetadata) {
			o.Labels = map[string]string{testowner.NameLabel: "else", testowner.NamespaceLabel: "shop"}
		})
	}
}

// deliver gives something to the table: a report from anywhere in the queue, one
// that it had before, or an answer.
func (p *past) deliver() {
	switch n := p.rng.IntN(8); {
	case n < 4 && len(p.reports) > 0:
		i := p.rng.IntN(len(p.reports))
		r := p.reports[i]
		p.reports = slices.Delete(p.reports, i, i+1)
		p.delivered = append(p.delivered, r)
		p.feed().Event(r.what, r.obj)
	case n == 4 && len(p.delivered) > 0:
		r := p.delivered[p.rng.IntN(len(p.delivered))]
		p.feed().Event(r.what, r.obj)
	case n < 7:
		for _, name := range slices.Sorted(maps.Keys(p.answers)) {
			p.respond(name)
			break
		}
	case len(p.lists) > 0:
		p.lists[0]()
		p.lists = p.lists[1:]
	default:
		p.lists = append(p.lists, p.begin())
	}
}

// respond delivers an answer, as an apply gets it.
func (p *past) respond(name string) {
	a := p.answers[name]
	delete(p.answers, name)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(a.answer)
	if err != nil {
		p.t.Fatal(err)
	}
	a.done(&unstructured.Unstructured{Object: content}, nil)
	p.answer[name], p.forced[name] = a.answer, false
}

// begin makes a list of what there is now, which arrives later.
func (p *past) begin() (end func()) {
	l := p.feed().Begin()
	p.fill(l)
	version := strconv.Itoa(p.version)
	return func() { l.End(version) }
}

func (p *past) fill(l stream.List) {
	for name, o := range p.objects {
		if !p.hidden[name] {
			l.Item(o)
		}
	}
}

// flush delivers everything that is on its way, in no order.
func (p *past) flush() {
	for len(p.reports) > 0 || len(p.answers) > 0 || len(p.lists) > 0 {
		p.deliver()
		if len(p.lists) > 3 {
			p.lists[0]()
			p.lists = p.lists[1:]
		}
	}
}

// restore puts the server back to an older state. A table that got no event
// later cannot know, and has lost nothing.
func (p *past) restore(objects map[string]*metav1.PartialObjectMetadata, hidden map[string]bool, version int) {
	p.flush()
	p.objects, p.hidden, p.version = maps.Clone(objects), maps.Clone(hidden), version
	p.delivered = nil
	noticed := p.kinds[thingsOf].newest > uint64(version)
	p.begin()()
	for name := range p.names() {
		p.forced[name] = p.forced[name] || noticed
	}
}

func (p *past) names() map[string]bool {
	names := map[string]bool{}
	for _, c := range p.units[owner].claims {
		names[c.object.at.name] = true
	}
	return names
}

// check compares with a table that got the last answers and then one list.
func (p *past) check(seed uint64) {
	p.t.Helper()
	truth := newBench(p.t)
	truth.opts.Wake = func(Unit, Cause) {}
	for name := range p.names() {
		p.claimOf(truth.Table, name)
		if a := p.answer[name]; a != nil {
			done := truth.Applying(owner, p.id(name))
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(a)
			if err != nil {
				p.t.Fatal(err)
			}
			done(&unstructured.Unstructured{Object: content}, nil)
		}
	}
	k := truth.kinds[thingsOf]
	k.newest, k.reached = 0, 0
	for _, o := range k.objects {
		o.seen = nil
	}
	l := feed{truth.Table, k}.Begin()
	p.fill(l)
	l.End(strconv.Itoa(p.version))
	feed{truth.Table, k}.Opened()
	for _, o := range k.objects {
		o.claims.set(forced, p.forced[o.at.name])
	}
	want, got := truth.Judge(owner), p.Judge(owner)
	for id, v := range got.Objects {
		if v.By == nil { // the writer is delivered where it is known, and never wrong
			w := want.Objects[id]
			w.By = nil
			want.Objects[id] = w
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Fatalf("seed %d: the table thinks otherwise than the server (-server +table):\n%s", seed, diff)
	}
}

// TestHistory gives a table the history of objects late, twice and in the wrong
// order, with lists and answers in between, and expects it to come to the view
// that one list of the final state gives. Longer runs take -history-steps, others
// -history-seed.
func TestHistory(t *testing.T) {
	began := time.Now()
	kinds := map[drift.State]int{}
	drifted := 0
	for round, writes := uint64(0), 0; writes < *historySteps; round++ {
		seed := *historySeed<<20 + round
		rng := rand.New(rand.NewPCG(seed, 6))
		p := newPast(t, rng, []string{"a", "b", "c", "d"}[:1+rng.IntN(4)]...)
		names := slices.Sorted(maps.Keys(p.names()))
		steps := 1 + rng.IntN(40)
		back := rng.IntN(2 * steps) // every other time the server goes back, once
		saved := back - rng.IntN(3)
		older, olderHidden, olderVersion := map[string]*metav1.PartialObjectMetadata{}, map[string]bool{}, p.version
		for step := range steps {
			writes++
			p.change(names[rng.IntN(len(names))])
			for range rng.IntN(4) {
				p.deliver()
			}
			if step == saved {
				older, olderHidden, olderVersion = maps.Clone(p.objects), maps.Clone(p.hidden), p.version
			}
			if step == back && p.version > olderVersion {
				p.restore(older, olderHidden, olderVersion)
			}
		}
		p.flush()
		p.check(seed)
		for _, v := range p.Judge(owner).Objects {
			kinds[v.State]++
			if v.By != nil {
				drifted++
			}
		}
	}
	t.Logf("%d writes in %s; states %v, %d with a writer", *historySteps, time.Since(began).Round(time.Millisecond), kinds, drifted)
	for _, kind := range []drift.State{drift.Dirty, drift.Suspect, drift.Gone, drift.Foreign} {
		if kinds[kind] == 0 {
			t.Errorf("no history ended %s: the test says nothing about it", kind)
		}
	}
	if drifted == 0 {
		t.Error("no writer was ever named")
	}
}
