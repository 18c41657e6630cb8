package stream_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	"k8s.io/apimachinery/pkg/watch"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/live/internal/metafake"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

var (
	kind    = schema.GroupKind{Kind: "Thing"}
	gvr     = schema.GroupVersionResource{Version: "v1", Resource: "things"}
	gr      = gvr.GroupResource()
	refused = apierrors.NewForbidden(gr, "", errors.New("no"))
)

// store keeps what a stream reads, and says so step by step.
type store struct {
	mu    sync.Mutex
	names map[string]string
	steps chan string
}

type intake struct {
	*store
	names map[string]string
}

func (s *store) Begin() stream.List { return &intake{store: s, names: map[string]string{}} }
func (s *store) Opened()            { s.steps <- "opened" }
func (s *store) Failed(why stream.Reason) {
	s.steps <- "failed: " + string(why)
}

func (s *store) Event(what watch.EventType, obj metav1.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.names, obj.GetName()); what != watch.Deleted {
		s.names[obj.GetName()] = obj.GetResourceVersion()
	}
	s.steps <- string(what) + " " + obj.GetName()
}

func (l *intake) Item(obj *metav1.PartialObjectMetadata) { l.names[obj.Name] = obj.ResourceVersion }
func (l *intake) Restart()                               { clear(l.names); l.steps <- "restarted" }
func (l *intake) End(string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.store.names = l.names
	l.steps <- fmt.Sprintf("listed %d", len(l.names))
}

func (s *store) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.names))
}

// rig is a stream of a fake server.
type rig struct {
	*store
	t      *testing.T
	server *metafake.Server
	clock  *clocktesting.FakeClock
	stream *stream.Stream
}

func newRig(t *testing.T, scope stream.Scope, start func(*metafake.Server)) *rig {
	t.Helper()
	r := &rig{
		t: t, store: &store{steps: make(chan string, 1000)}, server: metafake.New(),
		clock: clocktesting.NewFakeClock(time.Unix(0, 0)),
	}
	if start != nil {
		start(r.server)
	}
	scope.GroupKind = kind
	source := stream.Source{
		Metadata: r.server, Mapper: metafake.Mapper([]schema.GroupKind{kind}, nil), Clock: r.clock, Log: logr.Discard(),
	}
	if err := source.Complete(); err != nil {
		t.Fatal(err)
	}
	r.stream = stream.New(source, scope, r.store)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.stream.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

// expect waits for steps, in this order and with nothing between.
func (r *rig) expect(steps ...string) {
	r.t.Helper()
	for _, want := range steps {
		select {
		case got := <-r.steps:
			if got != want {
				r.t.Fatalf("got %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			r.t.Fatalf("waited in vain for %q", want)
		}
	}
}

// pass ends the pause that the stream makes.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !r.clock.HasWaiters() {
		select {
		case <-tick.C:
		case <-limit:
			r.t.Fatal("the stream makes no pause")
		}
	}
	r.clock.Step(d)
}

func (r *rig) put(name string, labels ...string) { put(r.server, "one", name, labels...) }

func put(s *metafake.Server, namespace, name string, labels ...string) {
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{}}}
	for _, l := range labels {
		obj.Labels[l] = "x"
	}
	s.Put(gvr, obj)
}

func many(n int) func(*metafake.Server) {
	return func(s *metafake.Server) {
		for i := range n {
			put(s, "one", fmt.Sprintf("thing-%04d", i))
		}
	}
}

func TestFollowsAList(t *testing.T) {
	r := newRig(t, stream.Scope{}, many(4200))
	r.expect("listed 4200", "opened")
	r.put("new")
	r.expect("ADDED new")
	r.server.Remove(gvr, "one", "new")
	r.expect("DELETED new")
	r.server.Close()
	r.expect("opened")
	if lists, watches := r.server.Counts(); lists != 3 || watches != 2 {
		t.Errorf("got %d lists and %d watches: three pages and no further list are expected", lists, watches)
	}
}

func TestScopes(t *testing.T) {
	cases := map[string]struct {
		why   string
		scope stream.Scope
		want  []string
	}{
		"Kind":      {"everything", stream.Scope{}, []string{"a", "b", "c"}},
		"Namespace": {"what is in a namespace", stream.Scope{Namespace: "one"}, []string{"a", "b"}},
		"Name":      {"one object", stream.Scope{Namespace: "one", Name: "b"}, []string{"b"}},
		"Labels":    {"what has a label", stream.Scope{Labels: "mine"}, []string{"b", "c"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.scope, func(s *metafake.Server) {
				put(s, "one", "a")
				put(s, "one", "b", "mine")
				put(s, "two", "c", "mine")
			})
			r.expect(fmt.Sprintf("listed %d", len(c.want)), "opened")
			if diff := cmp.Diff(c.want, r.all()); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
		})
	}
}

// TestExpired starts over with a list, at once where the watch had worked, and
// never keeps what the list does not have.
func TestExpired(t *testing.T) {
	r := newRig(t, stream.Scope{}, many(2))
	r.expect("listed 2", "opened")
	r.put("seen")
	r.expect("ADDED seen")
	r.server.Hush(func() {
		r.server.Remove(gvr, "one", "thing-0000")
		r.server.Remove(gvr, "one", "seen")
	})
	r.server.Expire()
	r.expect("listed 1", "opened")
	if diff := cmp.Diff([]string{"thing-0001"}, r.all()); diff != "" {
		t.Error(diff)
	}
}

// TestExpiredPage reads everything at once when a page came too late, and mixes
// no two states.
func TestExpiredPage(t *testing.T) {
	first := true
	r := newRig(t, stream.Scope{}, func(s *metafake.Server) {
		many(2700)(s)
		s.Refuse(func(q metafake.Request) error {
			if q.Continue && first {
				first = false
				return apierrors.NewResourceExpired("too old")
			}
			return nil
		})
	})
	r.expect("restarted", "listed 2700", "opened")
}

func TestReasons(t *testing.T) {
	cases := map[string]struct {
		why     string
		err     error
		want    stream.Reason
		lasting bool
	}{
		"Forbidden": {"no permission", refused, stream.Forbidden, true},
		"Token":     {"no identity", apierrors.NewUnauthorized("x"), stream.Forbidden, true},
		"Gone":      {"the definition was deleted", apierrors.NewNotFound(gr, ""), stream.NotServed, true},
		"Unknown":   {"the definition is not there yet", &apimeta.NoKindMatchError{GroupKind: kind}, stream.NotServed, true},
		"Method":    {"an aggregated API without watches", apierrors.NewMethodNotSupported(gr, "watch"), stream.NotWatchable, true},
		"Server":    {"it passes", apierrors.NewInternalError(errors.New("x")), stream.Unreachable, false},
		"Network":   {"it passes", errors.New("connection refused"), stream.Unreachable, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := stream.ReasonOf(fmt.Errorf("watching: %w", c.err)); got != c.want || got.Lasting() != c.lasting {
				t.Errorf("%s: got %q, lasting %t", c.why, got, got.Lasting())
			}
		})
	}
}

// TestPauses grow, end early when asked, and start over after a watch worked.
func TestPauses(t *testing.T) {
	r := newRig(t, stream.Scope{}, func(s *metafake.Server) {
		s.Refuse(func(metafake.Request) error { return refused })
	})
	failed := "failed: " + string(stream.Forbidden)
	r.expect(failed)
	for _, pause := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		r.pass(pause - time.Millisecond)
		select {
		case got := <-r.steps:
			t.Fatalf("%q before %s have passed", got, pause)
		default:
		}
		r.clock.Step(pause/4 + time.Millisecond)
		r.expect(failed)
	}
	r.server.Refuse(nil)
	r.pass(0)
	r.stream.Retry()
	r.expect("listed 0", "opened")
	r.server.Refuse(func(q metafake.Request) error {
		if q.Verb == "watch" {
			return apierrors.NewResourceExpired("too old")
		}
		return nil
	})
	r.put("a")
	r.expect("ADDED a")
	r.server.Close() // a version that is refused although a list just gave it asks for patience
	r.expect("listed 1", "failed: "+string(stream.Unreachable))
	r.pass(625 * time.Millisecond)
	r.expect("listed 1", "failed: "+string(stream.Unreachable))
}

// TestAtOnce says that a server which ends every watch at once is not hammered.
func TestAtOnce(t *testing.T) {
	r := newRig(t, stream.Scope{}, nil)
	r.expect("listed 0", "opened")
	r.server.Close()
	r.expect("failed: " + string(stream.Unreachable))
	r.pass(time.Second)
	r.expect("listed 0", "opened")
}

// TestRelist starts over while the watch is open, and reads beside it.
func TestRelist(t *testing.T) {
	r := newRig(t, stream.Scope{}, many(1))
	r.expect("listed 1", "opened")
	r.stream.Relist()
	r.expect("listed 1", "opened")
	if r.stream.Relisting() {
		t.Error("the list that was asked for is still awaited")
	}
	beside := &store{steps: make(chan string, 10)}
	if err := r.stream.Read(t.Context(), beside.Begin()); err != nil {
		t.Fatal(err)
	}
	if got := <-beside.steps; got != "listed 1" {
		t.Errorf("got %q", got)
	}
	r.put("a")
	r.expect("ADDED a")
	r.server.Refuse(func(metafake.Request) error { return refused })
	if err := r.stream.Read(t.Context(), beside.Begin()); !apierrors.IsForbidden(err) {
		t.Errorf("got %v", err)
	}
}
