package live

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/observation"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

var (
	owner    = Unit{Namespace: "shop", Name: "apps"}
	thing    = inventory.ID{Namespace: "shop", Name: "x", Kind: "ConfigMap"}
	thingsOf = schema.GroupKind{Kind: "ConfigMap"}
)

// bench drives a table by hand: what a watch would report is handed in.
type bench struct {
	*Table
	clock *clocktesting.FakeClock
	woken []Cause
	calls chan Cause
}

func newBench(t *testing.T) *bench {
	t.Helper()
	client, err := metadata.NewForConfig(&rest.Config{Host: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{clock: clocktesting.NewFakeClock(time.Unix(0, 0)), calls: make(chan Cause, 100)}
	b.Table, err = New(Options{
		Metadata: client, Mapper: meta.NewDefaultRESTMapper(nil), Clock: b.clock, Owner: testowner.New(t),
		Wake: func(_ Unit, c Cause) { b.woken = append(b.woken, c); b.calls <- c },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// at builds the object at a version; note is a value that only its generation
// shows.
func at(rv int, change ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
	obj.SetName(thing.Name)
	obj.SetNamespace(thing.Namespace)
	obj.SetUID("u")
	obj.SetResourceVersion(strconv.Itoa(rv))
	obj.SetGeneration(1)
	obj.SetLabels(map[string]string{testowner.NameLabel: owner.Name, testowner.NamespaceLabel: owner.Namespace})
	obj.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: testowner.Manager, Operation: "Apply", APIVersion: "v1", FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{}}}`),
	}})
	for _, c := range change {
		c(obj)
	}
	return obj
}

func taken(obj *unstructured.Unstructured) {
	obj.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "else", Operation: "Update", APIVersion: "v1"}})
}

func touched(obj *unstructured.Unstructured) { obj.SetGeneration(2) }

func (b *bench) list(rv int, objects ...*unstructured.Unstructured) {
	l := &listing{order: uint64(rv), seen: map[key]*observation.Object{}}
	b.locked(func() {
		k := b.kinds[thingsOf]
		l.newest = k.newest
		for _, o := range objects {
			l.seen[keyOf(o.GetNamespace(), o.GetName())] = b.observer.Observe(o)
		}
		b.replace(k, l)
		k.alive = true
		b.reassess(k)
	})
}

func (b *bench) see(obj *unstructured.Unstructured) {
	feed{b.Table, b.kinds[thingsOf]}.Event(watch.Modified, obj)
}

func (b *bench) lose(obj *unstructured.Unstructured) {
	feed{b.Table, b.kinds[thingsOf]}.Event(watch.Deleted, obj)
}

// expect declares the object as the given answer left it.
func (b *bench) expect(obj *unstructured.Unstructured) {
	b.Expect(owner, inventory.Of(inventory.Entry{ID: thing, Version: "v1", Record: inventory.Record{
		Desired: inventory.DesiredDigest{1}, Live: b.Owner().Fingerprint(obj)}}))
}

func (b *bench) stateOf() drift.State { return b.Judge(owner).Objects[thing].State }

func TestOrder(t *testing.T) {
	cases := map[string]struct {
		why  string
		do   func(*bench)
		want drift.State
	}{
		"OldEvent": {"an event older than the answer is history", func(b *bench) {
			b.list(10, at(10))
			done := b.Applying(owner, thing)
			done(at(20, touched), nil)
			b.see(at(15, taken))
		}, drift.Clean},
		"NewEvent": {"an event newer than the answer counts", func(b *bench) {
			b.list(10, at(10))
			done := b.Applying(owner, thing)
			b.see(at(25, taken))
			done(at(20, touched), nil)
		}, drift.Dirty},
		"LateAnswer": {"an answer that the watch has passed does not bring a deleted object back", func(b *bench) {
			b.list(10, at(10))
			done := b.Applying(owner, thing)
			b.see(at(20))
			b.lose(at(21))
			done(at(20), nil)
		}, drift.Gone},
		"OldDeletion": {"a deletion older than what is seen is that of an earlier object", func(b *bench) {
			b.list(10, at(10))
			b.Applying(owner, thing)(at(30), nil)
			b.lose(at(20))
		}, drift.Clean},
		"AnswerDuringList": {"a list that began before the answer does not undo it", func(b *bench) {
			b.list(10)
			b.Applying(owner, thing)(at(30), nil)
			b.kinds[thingsOf].newest = 10
			b.list(20)
		}, drift.Clean},
		"ListDrops": {"what a newer list lacks is not seen", func(b *bench) {
			b.list(10, at(10))
			b.list(20)
		}, drift.Gone},
		"EventBeforeList": {"an event from before the list is history", func(b *bench) {
			b.list(10, at(10))
			b.list(30, at(10))
			b.see(at(20, taken))
		}, drift.Clean},
		"Restored": {"a list older than what was seen makes everything dirty", func(b *bench) {
			b.list(100, at(100))
			b.list(50, at(40))
		}, drift.Dirty},
		"RestoredThenApplied": {"an answer makes it clean again", func(b *bench) {
			b.list(100, at(100))
			b.list(50, at(40))
			b.Applying(owner, thing)(at(60), nil)
		}, drift.Clean},
		"NoNumbers": {"versions that are no numbers have no order", func(b *bench) {
			b.list(10, at(10))
			odd := at(0, taken)
			odd.SetResourceVersion("opaque")
			b.see(odd)
		}, drift.Dirty},
		"Schema": {"a changed schema makes its kind dirty", func(b *bench) {
			b.list(10, at(10))
			b.SchemaChanged(thingsOf)
		}, drift.Dirty},
		"Unrecorded": {"without a record a dry-run has to tell", func(b *bench) {
			b.list(10, at(10))
			b.Expect(owner, inventory.Of(inventory.Entry{ID: thing}))
			b.Forget(owner)
			b.Expect(owner, inventory.Of(inventory.Entry{ID: thing}))
			b.list(20, at(10))
		}, drift.Suspect},
		"SkippedUnseen": {"a skipped object need not be visible", func(b *bench) {
			b.list(10)
			b.Expect(owner, inventory.Of(inventory.Entry{ID: thing, Record: inventory.Record{Desired: inventory.DesiredDigest{1}}}))
		}, drift.Unwatched},
		"ForeignUID": {"another object of the name is not ours", func(b *bench) {
			b.list(10)
			b.Applying(owner, thing)(at(20), nil)
			b.see(at(30, func(o *unstructured.Unstructured) { o.SetUID("v") }))
		}, drift.Gone},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.expect(at(1))
			c.do(b)
			if got := b.stateOf(); got != c.want {
				t.Errorf("%s: got %s, want %s", c.why, got, c.want)
			}
		})
	}
}

func TestUnsynced(t *testing.T) {
	b := newBench(t)
	b.expect(at(1))
	if j := b.Judge(owner); j.Synced || j.Clean() || len(j.Objects) > 0 {
		t.Errorf("before the list: got %+v", j)
	}
	b.list(10, at(10))
	if !slices.Contains(b.woken, CauseSynced) {
		t.Errorf("woken for %v, want Synced", b.woken)
	}
	if j := b.Judge(owner); !j.Clean() {
		t.Errorf("after the list: got %+v", j)
	}
}

// TestUnclaimed bounds what others can make us remember, and notices when that
// cost knowledge.
func TestUnclaimed(t *testing.T) {
	b := newBench(t)
	b.expect(at(1))
	var objects []*unstructured.Unstructured
	for i := range maxUnclaimed + 5 {
		objects = append(objects, at(10, func(o *unstructured.Unstructured) { o.SetName(fmt.Sprintf("orphan-%d", i)) }))
	}
	b.list(10, objects...)
	k := b.kinds[thingsOf]
	if len(k.unclaimed) != maxUnclaimed || !k.lost {
		t.Errorf("kept %d, lost %t", len(k.unclaimed), k.lost)
	}
	if got := b.Metrics().Dropped; got != maxUnclaimed+5 {
		t.Errorf("counted %d", got)
	}
	other := inventory.ID{Namespace: "shop", Name: "not-kept", Kind: "ConfigMap"}
	b.Applying(owner, other)
	if !k.stream.Relisting() {
		t.Error("nobody asked for a new list")
	}
}

// TestDebounce wakes once for a burst, and later each time a change was found to
// be harmless.
func TestDebounce(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.debounce(ctx) }()
	defer func() { cancel(); <-ended }()
	b.expect(at(1))
	b.list(10, at(10))

	gen := int64(1)
	burst := func() {
		for range 5 {
			gen++
			b.see(at(10+int(gen), func(o *unstructured.Unstructured) { o.SetGeneration(gen) }))
		}
	}
	for i, delay := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		burst()
		awaitTimer(t, b.clock)
		b.clock.Step(delay - time.Millisecond)
		select {
		case c := <-b.calls:
			t.Fatalf("round %d: woken early for %s", i, c)
		default:
		}
		b.clock.Step(time.Millisecond)
		if got := <-b.calls; got != CauseSuspect {
			t.Fatalf("round %d: woken for %s", i, got)
		}
		seen, _ := b.Lookup(thing)
		b.Verified(owner, thing, seen.Fingerprint)
	}
	b.lose(at(100))
	awaitTimer(t, b.clock)
	b.see(at(101, func(o *unstructured.Unstructured) { o.SetGeneration(gen) }))
	b.clock.Step(time.Minute)
	b.see(at(102, taken))
	if got := <-b.calls; got != CauseDirty {
		t.Errorf("a deletion that was followed by a creation: woken for %s", got)
	}
	if diff := cmp.Diff([]Cause{CauseSuspect, CauseSuspect, CauseSuspect, CauseDirty}, b.woken); diff != "" {
		t.Error(diff)
	}
}

// awaitTimer waits until the debouncer waits.
func awaitTimer(t *testing.T, clk *clocktesting.FakeClock) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !clk.HasWaiters() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the debouncer does not wait")
		}
	}
}

// TestGivenUp ends an apply of an object whose unit was forgotten meanwhile.
func TestGivenUp(t *testing.T) {
	b := newBench(t)
	b.expect(at(1))
	b.list(10, at(10))
	old := feed{b.Table, b.kinds[thingsOf]}
	done := b.Applying(owner, thing)
	b.Forget(owner)
	if fingerprint := done(at(20, touched), nil); fingerprint != b.Owner().Fingerprint(at(20, touched)) {
		t.Errorf("got %v", fingerprint)
	}
	old.Event(watch.Modified, at(30))
	if b.Metrics() != (Sizes{}) || len(b.Orphans(owner)) > 0 {
		t.Errorf("after everything was forgotten: %+v, %v", b.Metrics(), b.Orphans(owner))
	}
}

// TestOrphansFollow keeps the orphans of a unit right through everything that can
// happen to them.
func TestOrphansFollow(t *testing.T) {
	b := newBench(t)
	b.expect(at(1))
	named := func(name string) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) { o.SetName(name) }
	}
	orphans := func() (names []string) {
		for _, o := range b.Orphans(owner) {
			names = append(names, o.ID.Name)
		}
		slices.Sort(names)
		return names
	}
	check := func(why string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, orphans()); diff != "" {
			t.Errorf("%s: %s", why, diff)
		}
	}
	b.list(10, at(10), at(10, named("a")), at(10, named("b")))
	check("what is seen and not claimed", "a", "b")
	b.lose(at(11, named("a")))
	check("one is gone", "b")
	b.see(at(12, named("a"), taken))
	check("one is not ours", "b")
	b.see(at(13, named("a")))
	check("it is again", "a", "b")
	b.see(at(14, named("b"), func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{testowner.NameLabel: "else"}) }))
	check("one names another unit", "a")
	id := inventory.ID{Namespace: thing.Namespace, Name: "a", Kind: "ConfigMap"}
	b.Applying(owner, id)(at(15, named("a")), nil)
	check("it is claimed")
	b.expect(at(1))
	check("it is given up", "a")
	other := Unit{Namespace: "shop", Name: "other"}
	b.Applying(other, id)(at(16, named("a")), nil)
	check("another unit claims it, and it names this one", "a")
	b.list(20, at(20))
	check("a list lacks it")
}
