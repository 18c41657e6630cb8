package named_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/live/internal/metafake"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

var (
	secret  = schema.GroupKind{Kind: "Secret"}
	role    = schema.GroupKind{Group: "rbac", Kind: "ClusterRole"}
	secrets = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	roles   = schema.GroupVersionResource{Group: "rbac", Version: "v1", Resource: "clusterroles"}
	refused = apierrors.NewForbidden(secrets.GroupResource(), "", errors.New("no"))
	apps    = types.NamespacedName{Namespace: "flux-system", Name: "apps"}
)

const topic = "inputs"

// rig is a watcher beside a fake server.
type rig struct {
	*named.Watcher
	t      *testing.T
	server *metafake.Server
	clock  *clocktesting.FakeClock
	mapper apimeta.RESTMapper

	mu    sync.Mutex
	woken []string
}

func newRig(t *testing.T, with ...func(*named.Options)) *rig {
	t.Helper()
	r := &rig{
		t: t, server: metafake.New(), clock: clocktesting.NewFakeClock(time.Unix(0, 0)),
		mapper: metafake.Mapper([]schema.GroupKind{secret}, []schema.GroupKind{role}),
	}
	options := named.Options{Metadata: r.server, Mapper: r.mapper, Clock: r.clock, Wake: r.wake, Log: logr.Discard()}
	for _, change := range with {
		change(&options)
	}
	w, err := named.New(options)
	if err != nil {
		t.Fatal(err)
	}
	r.Watcher = w
	return r
}

func (r *rig) start() *rig {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Start(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
	return r
}

func (r *rig) wake(unit types.NamespacedName, topic string, ref named.Ref, seen named.Seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := "synced"
	if ref.Name != "" {
		what = fmt.Sprintf("%s exists=%t", ref.Name, seen.Exists)
	}
	r.woken = append(r.woken, unit.Name+" "+topic+" "+what)
}

// wakes returns what units were woken for since the last call.
func (r *rig) wakes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.woken
	r.woken = nil
	slices.Sort(w)
	return w
}

// expect waits for wakes, and for no others before them.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	slices.Sort(want)
	var got []string
	r.eventually(fmt.Sprintf("woken for %v", want), func() bool {
		got = append(got, r.wakes()...)
		return len(got) >= len(want)
	})
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Fatal(diff)
	}
}

func (r *rig) eventually(what string, holds func() bool) {
	r.t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			r.t.Fatalf("waited in vain: %s; open are %v, woken %v", what, r.server.Open(), r.wakes())
		}
	}
}

// opened waits until exactly these namespaces and names are watched.
func (r *rig) opened(want ...string) {
	r.t.Helper()
	slices.Sort(want)
	r.eventually(fmt.Sprintf("watching %v", want), func() bool { return slices.Equal(want, r.server.Open()) })
}

// pass ends the pauses of failed watches.
func (r *rig) pass() {
	r.t.Helper()
	r.eventually("a pause", r.clock.HasWaiters)
	r.clock.Step(2 * time.Minute)
}

func (r *rig) put(namespace string, names ...string) {
	for _, name := range names {
		obj := &metav1.PartialObjectMetadata{}
		obj.Namespace, obj.Name, obj.Labels = namespace, name, map[string]string{"watch": "yes"}
		r.server.Put(secrets, obj)
	}
}

func refs(namespace string, names ...string) []named.Ref {
	out := make([]named.Ref, 0, len(names))
	for _, name := range names {
		out = append(out, named.Ref{GroupKind: secret, Namespace: namespace, Name: name})
	}
	return out
}

func numbered(n int) []string {
	out := make([]string, 0, n)
	for i := range n {
		out = append(out, fmt.Sprintf("s%04d", i))
	}
	return out
}

// follow follows objects and waits until they are known.
func (r *rig) follow(unit types.NamespacedName, refs []named.Ref) {
	r.t.Helper()
	if !r.Follow(unit, topic, refs) {
		r.expect(unit.Name + " inputs synced")
	}
}

func (r *rig) show(ref named.Ref) string {
	seen, known := r.Lookup(ref)
	if !known {
		return "unknown"
	}
	return fmt.Sprintf("exists=%t version=%s uid=%s labels=%d", seen.Exists, seen.ResourceVersion, seen.UID, len(seen.Labels))
}

func TestFollow(t *testing.T) {
	r := newRig(t)
	r.put("one", "a")
	a, b := refs("one", "a")[0], refs("one", "b")[0]
	if r.Follow(apps, topic, []named.Ref{a, b}) {
		t.Error("synced before anything was asked")
	}
	r.start().expect("apps inputs synced")
	for ref, want := range map[named.Ref]string{a: "exists=true version=101 uid=uid-1 labels=1", b: "exists=false version= uid= labels=0"} {
		if got := r.show(ref); got != want {
			t.Errorf("%s: got %s, want %s", ref.Name, got, want)
		}
	}
	if !r.Follow(apps, topic, []named.Ref{b, a}) {
		t.Error("what is known already needs no waiting")
	}
	r.put("one", "b")
	r.expect("apps inputs b exists=true")
	r.put("one", "a")
	r.expect("apps inputs a exists=true")
	r.server.Remove(secrets, "one", "a")
	r.expect("apps inputs a exists=false")
	r.put("two", "a")
	r.put("one", "other")

	// What is not followed any more wakes nobody and is not watched.
	r.Follow(apps, topic, []named.Ref{b})
	r.opened("one/b")
	if got := r.show(a); got != "unknown" {
		t.Errorf("an object that nobody follows: %s", got)
	}
	r.put("one", "a")
	r.put("one", "b")
	r.expect("apps inputs b exists=true")
	r.Forget(apps)
	r.opened()
	if got := r.Metrics(); got != (named.Sizes{}) {
		t.Errorf("after everything was forgotten: %+v", got)
	}
}

// TestShared watches an object once, however many follow it.
func TestShared(t *testing.T) {
	r := newRig(t).start()
	ref := refs("one", "a")
	var want []string
	for i := range 50 {
		unit := types.NamespacedName{Name: fmt.Sprintf("unit-%d", i)}
		r.follow(unit, ref)
		want = append(want, unit.Name+" inputs a exists=true")
	}
	r.follow(apps, ref)
	if !r.Follow(apps, "health", ref) {
		t.Error("another topic has to ask again")
	}
	if lists, watches := r.server.Counts(); lists != 1 || watches != 1 {
		t.Errorf("got %d lists and %d watches", lists, watches)
	}
	r.put("one", "a")
	r.expect(append(want, "apps inputs a exists=true", "apps health a exists=true")...)
	for i := range 50 {
		r.Forget(types.NamespacedName{Name: fmt.Sprintf("unit-%d", i)})
	}
	r.Follow(apps, topic, nil)
	r.opened("one/a")
	r.Follow(apps, "health", nil)
	r.opened()
}

// TestWide watches a namespace or a kind where there are many names, and hands
// over without a moment in which something is not known.
func TestWide(t *testing.T) {
	r := newRig(t).start()
	names := numbered(60)
	r.put("one", names[:40]...)
	r.follow(apps, refs("one", names[:5]...))
	r.opened("one/s0000", "one/s0001", "one/s0002", "one/s0003", "one/s0004")

	all := refs("one", names...)
	r.follow(apps, all)
	r.opened("one/")
	for i, ref := range all {
		if seen, known := r.Lookup(ref); !known || seen.Exists != (i < 40) {
			t.Fatalf("%s: known %t, %+v", ref.Name, known, seen)
		}
	}
	r.put("one", "s0001", "s0050", "stranger")
	r.expect("apps inputs s0001 exists=true", "apps inputs s0050 exists=true")
	lists, _ := r.server.Counts()
	if lists != 6 {
		t.Errorf("got %d lists: five by name and one of the namespace are expected", lists)
	}

	// One more name costs one list; the others are not read again.
	more := append(slices.Clone(all), refs("one", "stranger")...)
	r.follow(apps, more)
	r.opened("one/")
	if seen, known := r.Lookup(more[60]); !known || !seen.Exists {
		t.Errorf("known %t, %+v", known, seen)
	}
	r.server.Remove(secrets, "one", "stranger")
	r.expect("apps inputs stranger exists=false")

	// While there are many nothing changes; when there are few it splits.
	r.follow(apps, all[:17])
	r.opened("one/")
	if !r.Follow(apps, topic, all[:2]) {
		t.Error("what is known is not known any more")
	}
	r.opened("one/s0000", "one/s0001")
	r.put("one", "s0000", "s0002")
	r.expect("apps inputs s0000 exists=true")
}

// TestNoWidening watches many names one by one when widening is turned off: what is
// known of them is the same.
func TestNoWidening(t *testing.T) {
	for narrow, open := range map[bool]int{false: 1, true: 17} {
		r := newRig(t, func(o *named.Options) { o.NoWidening = narrow }).start()
		r.put("one", "s0003")
		all := refs("one", numbered(17)...)
		r.follow(apps, all)
		r.eventually("it is watched", func() bool { return len(r.server.Open()) == open })
		for i, ref := range all {
			if seen, known := r.Lookup(ref); !known || seen.Exists != (i == 3) {
				t.Errorf("%s, narrow %t: known %t, %+v", ref.Name, narrow, known, seen)
			}
		}
	}
}

// TestKind watches a kind where the names are in many namespaces.
func TestKind(t *testing.T) {
	r := newRig(t)
	var all []named.Ref
	for i := range 300 {
		namespace := fmt.Sprintf("ns-%d", i)
		r.put(namespace, "config")
		all = append(all, refs(namespace, "config")...)
	}
	r.start().follow(apps, all)
	r.opened("/")
	if lists, watches := r.server.Counts(); lists != 1 || watches != 1 {
		t.Errorf("got %d lists and %d watches", lists, watches)
	}
	for _, ref := range all {
		if seen, known := r.Lookup(ref); !known || !seen.Exists {
			t.Fatalf("%s: known %t, %+v", ref.Namespace, known, seen)
		}
	}
	r.put("ns-7", "config")
	r.expect("apps inputs config exists=true")
}

// TestClusterWide takes the names of kinds without namespaces as they come, also
// with a namespace that they do not have.
func TestClusterWide(t *testing.T) {
	r := newRig(t)
	var all []named.Ref
	for i := range 300 {
		obj := &metav1.PartialObjectMetadata{}
		obj.Name = fmt.Sprintf("r%d", i)
		r.server.Put(roles, obj)
		all = append(all, named.Ref{GroupKind: role, Name: obj.Name})
	}
	all = append(all, named.Ref{GroupKind: role, Namespace: "one", Name: "r1"})
	r.start().follow(apps, all)
	r.opened("/", "/r1")
	for _, ref := range all {
		if seen, known := r.Lookup(ref); !known || !seen.Exists {
			t.Fatalf("%s: known %t, %+v", ref.Name, known, seen)
		}
	}
}

// TestNarrowWhereWideIsForbidden watches by name what may be watched by name only.
func TestNarrowWhereWideIsForbidden(t *testing.T) {
	r := newRig(t)
	names := numbered(30)
	r.put("one", names...)
	r.server.Refuse(func(q metafake.Request) error {
		if q.Name == "" {
			return refused
		}
		return nil
	})
	all := refs("one", names...)
	r.start().follow(apps, all)
	for _, ref := range all {
		if seen, known := r.Lookup(ref); !known || !seen.Exists {
			t.Fatalf("%s: known %t, %+v", ref.Name, known, seen)
		}
	}
	if got := r.Unwatchable(apps, topic); len(got) > 0 {
		t.Errorf("got %v", got)
	}
	r.put("one", "s0003")
	r.expect("apps inputs s0003 exists=true")
	r.server.Refuse(nil)
	r.pass()
	r.opened("one/")
	r.put("one", "s0003")
	r.expect("apps inputs s0003 exists=true")
}

// TestUnwatchable reports what is not known and why, and notifies when it becomes known.
func TestUnwatchable(t *testing.T) {
	cases := map[string]struct {
		why    string
		err    error
		reason stream.Reason
	}{
		"Forbidden": {"no permission", refused, stream.Forbidden},
		"NotServed": {"the definition is not there yet", apierrors.NewNotFound(secrets.GroupResource(), ""), stream.NotServed},
		"Method":    {"it has no watch", apierrors.NewMethodNotSupported(secrets.GroupResource(), "watch"), stream.NotWatchable},
		"Down":      {"the server is down", errors.New("connection refused"), stream.Unreachable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.put("one", "a")
			r.server.Refuse(func(metafake.Request) error { return c.err })
			ref := refs("one", "a")
			r.start().follow(apps, ref)
			if got := r.show(ref[0]); got != "unknown" {
				t.Errorf("%s: got %s", c.why, got)
			}
			want := map[named.Ref]string{ref[0]: string(c.reason)}
			if diff := cmp.Diff(want, r.Unwatchable(apps, topic)); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
			if !r.Follow(apps, topic, ref) {
				t.Errorf("%s: there is nothing to wait for", c.why)
			}
			r.server.Refuse(nil)
			r.eventually("a pause", r.clock.HasWaiters)
			r.KindsChanged(secret)
			r.expect("apps inputs a exists=true")
			if got := r.Unwatchable(apps, topic); len(got) > 0 {
				t.Errorf("%s: still %v", c.why, got)
			}
		})
	}
}

// TestLost reports once that an object is not known any more, if that will last, and
// nothing when it comes back unchanged.
func TestLost(t *testing.T) {
	r := newRig(t)
	r.put("one", "a")
	ref := refs("one", "a")
	r.start().follow(apps, ref)
	for _, c := range []struct {
		err  error
		want bool
	}{{errors.New("down"), false}, {refused, true}} {
		r.server.Refuse(func(metafake.Request) error { return c.err })
		r.server.Close()
		r.eventually("the loss is noticed", func() bool { return r.show(ref[0]) == "unknown" })
		r.pass() // the watch ended at once, as if nothing were wrong; now the error is seen
		if c.want {
			r.expect("apps inputs a exists=true")
		}
		r.eventually("one more attempt", r.clock.HasWaiters)
		r.server.Refuse(nil)
		r.KindsChanged(secret)
		r.eventually("it is known again", func() bool { return r.show(ref[0]) != "unknown" })
		if got := r.wakes(); len(got) > 0 {
			t.Errorf("woken for %v", got)
		}
	}
}

// TestRelist replaces what was seen, and reports what is different.
func TestRelist(t *testing.T) {
	r := newRig(t).start()
	r.put("one", "stays", "goes", "changes")
	r.follow(apps, refs("one", "stays", "goes", "changes", "comes"))
	r.server.Hush(func() {
		r.server.Remove(secrets, "one", "goes")
		r.put("one", "changes", "comes")
	})
	r.server.Expire()
	for range 4 { // a version that is too old at once asks for patience
		r.eventually("a pause or an event", func() bool { return r.clock.HasWaiters() || len(r.server.Open()) == 4 })
		r.clock.Step(time.Minute)
	}
	r.expect("apps inputs goes exists=false", "apps inputs changes exists=true", "apps inputs comes exists=true")
}

// TestRestored trusts nothing seen before when the server goes back in time.
func TestRestored(t *testing.T) {
	r := newRig(t).start()
	r.put("one", "a", "a")
	ref := refs("one", "a")
	r.follow(apps, ref)
	r.server.Turn(50)
	r.server.Hush(func() { r.put("one", "a") })
	r.server.Expire()
	r.eventually("a pause or an event", func() bool { return r.clock.HasWaiters() || len(r.server.Open()) == 1 })
	r.clock.Step(time.Minute)
	r.expect("apps inputs a exists=true")
	r.put("one", "a")
	r.expect("apps inputs a exists=true")
	if seen, _ := r.Lookup(ref[0]); seen.ResourceVersion != "52" {
		t.Errorf("got version %s", seen.ResourceVersion)
	}
}

func TestNeeds(t *testing.T) {
	for name, o := range map[string]named.Options{
		"Wake":   {Metadata: metafake.New(), Mapper: metafake.Mapper(nil, nil)},
		"Client": {Mapper: metafake.Mapper(nil, nil), Wake: (&rig{}).wake},
		"Mapper": {Metadata: metafake.New(), Wake: (&rig{}).wake},
	} {
		if _, err := named.New(o); err == nil {
			t.Errorf("%s: a watcher without it was made", name)
		}
	}
}
