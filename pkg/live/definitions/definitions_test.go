package definitions_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/live/definitions"
	"github.com/capstan-gitops/capstan/pkg/live/internal/metafake"
)

var crds = schema.GroupVersionResource{Group: definitions.Kind.Group, Version: "v1", Resource: "customresourcedefinitions"}

// mapper is a mapper that learns kinds when it is reset, as discovery does.
type mapper struct {
	mu     sync.Mutex
	served map[string]bool
	now    *apimeta.DefaultRESTMapper
	apimeta.RESTMapper
	resets int
}

func newMapper() *mapper {
	m := &mapper{served: map[string]bool{}}
	m.Reset()
	m.resets = 0
	return m
}

func (m *mapper) serve(on bool, kinds ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, kind := range kinds {
		m.served[kind] = on
	}
}

// Reset learns what is served.
func (m *mapper) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	kinds := []schema.GroupKind{definitions.Kind}
	for kind, on := range m.served {
		if on {
			kinds = append(kinds, schema.GroupKind{Group: "example.org", Kind: kind})
		}
	}
	m.now = metafake.Mapper(kinds, nil)
	m.resets++
}

// RESTMapping asks what was learned.
func (m *mapper) RESTMapping(gk schema.GroupKind, versions ...string) (*apimeta.RESTMapping, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now.RESTMapping(gk, versions...)
}

// KindsFor asks what was learned.
func (m *mapper) KindsFor(r schema.GroupVersionResource) ([]schema.GroupVersionKind, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now.KindsFor(r)
}

func (m *mapper) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.resets
}

// rig is a watcher of a fake server.
type rig struct {
	t        *testing.T
	server   *metafake.Server
	mapper   *mapper
	clock    *clocktesting.FakeClock
	reported chan []string
}

// newRig starts a watcher when what there is at first has been put.
func newRig(t *testing.T, kinds ...string) *rig {
	t.Helper()
	r := &rig{t: t, server: metafake.New(), mapper: newMapper(), clock: clocktesting.NewFakeClock(time.Unix(0, 0)), reported: make(chan []string, 100)}
	for _, kind := range kinds {
		r.put(kind, 1)
	}
	r.mapper.serve(true, kinds...)
	r.mapper.Reset()
	r.mapper.resets = 0
	w, err := definitions.New(definitions.Options{
		Metadata: r.server, Mapper: r.mapper, Clock: r.clock, Log: logr.Discard(),
		Changed: func(kinds []schema.GroupKind) {
			var names []string
			for _, gk := range kinds {
				names = append(names, gk.Kind)
			}
			r.reported <- names
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	r.eventually("the watch is open", func() bool { return len(r.server.Open()) == 1 })
	return r
}

func plural(kind string) string { return strings.ToLower(kind) + "s" }

func (r *rig) put(kind string, generation int64) {
	obj := &metav1.PartialObjectMetadata{}
	obj.Name, obj.Generation = plural(kind)+".example.org", generation
	r.server.Put(crds, obj)
}

func (r *rig) remove(kind string) { r.server.Remove(crds, "", plural(kind)+".example.org") }

func (r *rig) eventually(what string, holds func() bool) {
	r.t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			r.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// expect lets time pass until something is reported.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case got := <-r.reported:
			if diff := cmp.Diff(want, got); diff != "" {
				r.t.Fatal(diff)
			}
			return
		case <-tick.C:
			if r.clock.HasWaiters() {
				r.clock.Step(100 * time.Millisecond)
			}
		case <-limit:
			r.t.Fatalf("waited in vain for %v", want)
		}
	}
}

// nothing reports what was reported although it should not have been.
func (r *rig) nothing() {
	r.t.Helper()
	select {
	case got := <-r.reported:
		r.t.Fatalf("reported %v", got)
	default:
	}
}

// TestOnlyChanges reports what changed, and nothing else.
func TestOnlyChanges(t *testing.T) {
	r := newRig(t, "Alpha", "Beta", "Gamma")
	r.put("Alpha", 1) // a status
	r.put("Beta", 2)
	r.expect("Beta")
	r.remove("Gamma")
	r.mapper.serve(false, "Gamma")
	r.expect("Gamma")
	r.mapper.serve(true, "Delta")
	r.put("Delta", 1)
	r.expect("Delta")
	r.nothing()
	if got := r.mapper.count(); got != 3 {
		t.Errorf("the mapper was reset %d times", got)
	}
}

// TestStorm reports a hundred definitions that are installed at once in one call.
func TestStorm(t *testing.T) {
	r := newRig(t, "Old")
	var want []string
	for i := range 90 { // more would overflow the buffer of the fake
		kind := fmt.Sprintf("Kind%03d", i)
		want = append(want, kind)
		r.mapper.serve(true, kind)
		r.put(kind, 1)
	}
	r.expect(want...)
	r.nothing()
	if got := r.mapper.count(); got != 1 {
		t.Errorf("the mapper was reset %d times", got)
	}
}

// TestSteadyStream does not wait for the end of changes that do not end.
func TestSteadyStream(t *testing.T) {
	r := newRig(t, "Alpha")
	for generation := int64(2); ; generation++ {
		select {
		case got := <-r.reported:
			if diff := cmp.Diff([]string{"Alpha"}, got); diff != "" {
				t.Error(diff)
			}
			if since := r.clock.Since(time.Unix(0, 0)); since > 4*time.Second {
				t.Errorf("reported after %s", since)
			}
			return
		default:
		}
		r.put("Alpha", generation)
		r.eventually("it is gathered", func() bool { return r.clock.HasWaiters() || len(r.reported) > 0 })
		r.clock.Step(200 * time.Millisecond)
	}
}

// TestNotServedYet looks again until discovery knows the kind, and gives up one
// that it never knows.
func TestNotServedYet(t *testing.T) {
	r := newRig(t)
	r.put("Slow", 1)
	r.eventually("looked for", func() bool {
		if r.clock.HasWaiters() {
			r.clock.Step(50 * time.Millisecond)
		}
		return r.mapper.count() == 2
	})
	r.nothing()
	r.mapper.serve(true, "Slow")
	r.expect("Slow")

	r.put("Never", 1)
	tried := r.mapper.count()
	r.eventually("given up", func() bool {
		if r.clock.HasWaiters() {
			r.clock.Step(time.Second)
		}
		return r.mapper.count() == tried+8 && !r.clock.HasWaiters()
	})
	r.put("Never", 1)
	r.remove("Never")
	r.put("Slow", 2)
	r.expect("Slow")
}

// TestStatusWrite lists at once when the status of a new definition is written.
func TestStatusWrite(t *testing.T) {
	r := newRig(t)
	start := r.clock.Now()
	r.put("Slow", 1)
	r.eventually("looked for", func() bool {
		if r.clock.HasWaiters() && r.mapper.count() == 0 {
			r.clock.Step(50 * time.Millisecond)
		}
		return r.mapper.count() == 1
	})
	r.mapper.serve(true, "Slow")
	r.put("Slow", 1)
	r.expect("Slow")
	if took := r.clock.Since(start); took > 1500*time.Millisecond {
		t.Errorf("reported after %s", took)
	}
}

// TestRelist finds what changed while nobody watched.
func TestRelist(t *testing.T) {
	r := newRig(t, "Edited", "Left", "Kept", "Replaced")
	r.server.Hush(func() {
		r.put("Edited", 2)
		r.remove("Left")
		r.put("Kept", 1)
		r.remove("Replaced")
		r.put("Replaced", 1)
		r.put("Added", 1)
	})
	r.mapper.serve(true, "Added")
	r.server.Expire()
	r.expect("Added", "Edited", "Left", "Replaced")
	r.nothing()
}

// TestRestored takes everything as it is on a server that went back in time.
func TestRestored(t *testing.T) {
	r := newRig(t, "Alpha", "Beta")
	r.put("Alpha", 2)
	r.expect("Alpha")
	r.server.Turn(10)
	r.server.Hush(func() { r.put("Alpha", 1) })
	r.server.Expire()
	r.expect("Alpha")
	r.put("Alpha", 2)
	r.expect("Alpha")
}

func TestNeeds(t *testing.T) {
	changed := func([]schema.GroupKind) {}
	for name, o := range map[string]definitions.Options{
		"Changed": {Metadata: metafake.New(), Mapper: newMapper()},
		"Client":  {Mapper: newMapper(), Changed: changed},
		"Mapper":  {Metadata: metafake.New(), Changed: changed},
	} {
		if _, err := definitions.New(o); err == nil {
			t.Errorf("%s: a watcher without it was made", name)
		}
	}
}
