package await_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/capstan-gitops/capstan/pkg/delivery/await"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

// soon bounds every wait; it is generous, because machines are shared.
const soon = 20 * time.Second

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.NoCRDs())) }

// world is a cluster that is watched.
type world struct {
	client.Client
	t    *testing.T
	unit types.NamespacedName
	h    *cluster.Handle

	mu    sync.Mutex
	reads []string
	woken map[string]int
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, woken: map[string]int{}}
	var err error
	if w.Client, err = client.New(testEnv.Config(), client.Options{}); err != nil {
		t.Fatal(err)
	}
	w.unit = types.NamespacedName{Namespace: env.Namespace(t, w.Client), Name: "shop"}
	config := testEnv.Config()
	config.Wrap(w.wrap)
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, http)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := cluster.New(cluster.Options{
		Config: config, Mapper: mapper, Clock: clock.RealClock{},
		Live:  live.Options{Owner: testowner.New(t), Wake: func(_ live.Unit, cause live.Cause) { w.wake(string(cause)) }},
		Named: func(_ types.NamespacedName, topic string, _ named.Ref, _ named.Seen) { w.wake(topic) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.h, err = pool.Local(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- pool.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// wrap notes the objects that are read.
func (w *world) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/namespaces/"+w.unit.Namespace+"/") && r.URL.RawQuery == "" {
			w.mu.Lock()
			w.reads = append(w.reads, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
			w.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

func (w *world) wake(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken[why]++
}

func (w *world) wokenBy(why string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.woken[why]
}

func (w *world) took() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	reads := w.reads
	w.reads = nil
	return reads
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	err := wait.PollUntilContextTimeout(w.t.Context(), 10*time.Millisecond, soon, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		w.t.Fatalf("waiting until %s: %v", what, err)
	}
}

// put makes or changes a ConfigMap whose data say how it is.
func (w *world) put(name, phase string, change ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
	w.t.Helper()
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"phase": phase}}}
	obj.SetName(name)
	obj.SetNamespace(w.unit.Namespace)
	for _, c := range change {
		c(obj)
	}
	if err := w.Create(w.t.Context(), obj); client.IgnoreAlreadyExists(err) != nil {
		w.t.Fatal(err)
	} else if err != nil {
		if err := w.Update(w.t.Context(), obj); err != nil {
			w.t.Fatal(err)
		}
	}
	return obj
}

// owned gives an object to the unit, so that the live table sees it.
func (w *world) owned(obj *unstructured.Unstructured) {
	w.h.Live.Owner().Label(obj, w.unit)
}

func (w *world) target(name string) await.Target {
	return await.Target{ID: inventory.ID{Namespace: w.unit.Namespace, Name: name, Kind: "ConfigMap"}, Version: "v1"}
}

func (w *world) targets(names ...string) []await.Target {
	var targets []await.Target
	for _, name := range names {
		targets = append(targets, w.target(name))
	}
	return targets
}

// rules read the phase of ConfigMaps.
func rules(t *testing.T) health.Rules {
	t.Helper()
	rules, err := health.NewCompiler(10).Compile([]health.Rule{{
		APIVersion: "v1", Kind: "ConfigMap", Current: "data.phase == 'well'", Failed: "data.phase == 'failed'",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func names(subjects []await.Subject) map[string]health.Status {
	found := map[string]health.Status{}
	for _, s := range subjects {
		found[s.Name] = s.Status
	}
	return found
}

func TestCheckJudges(t *testing.T) {
	w := newWorld(t)
	well := w.put("well", "well")
	busy := w.put("busy", "busy")
	failed := w.put("failed", "failed")
	check := &await.Check{Cluster: w.h, Rules: rules(t), Transient: map[inventory.ID]bool{w.target("done").ID: true}}
	if err := check.Run(t.Context(), w.targets("well", "busy", "failed", "missing", "done")); err != nil {
		t.Fatal(err)
	}
	want := map[string]health.Status{"busy": health.InProgress, "failed": health.Failed, "missing": health.NotFound}
	if diff := cmp.Diff(want, names(check.Waiting)); diff != "" {
		t.Errorf("awaited (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]health.Status{"failed": health.Failed}, names(check.Failed)); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	judged := map[inventory.ID]await.Judged{
		w.target("well").ID:   {Version: well.GetResourceVersion(), Status: health.Current},
		w.target("busy").ID:   {Version: busy.GetResourceVersion(), Status: health.InProgress},
		w.target("failed").ID: {Version: failed.GetResourceVersion(), Status: health.Failed},
	}
	if diff := cmp.Diff(judged, check.Judged); diff != "" {
		t.Errorf("an object is remembered with the version at which it was judged, one that is gone is not (-want +got):\n%s", diff)
	}
	subject := await.Subjects(check.Waiting)[1]
	if want := (health.Subject{Name: "ConfigMap/" + w.unit.Namespace + "/failed", Status: health.Failed}); subject != want {
		t.Errorf("reported as %+v, want %+v", subject, want)
	}
}

// TestTransientIsJudgedByItsLastState says that what is deleted once it has ended is well
// when it is gone, unless it was seen to fail: a failed Job does not become a success by
// its TTL.
func TestTransientIsJudgedByItsLastState(t *testing.T) {
	cases := map[string]struct {
		why, phase string
		want       health.Status
	}{
		"Failed": {"it failed before it went", "failed", health.Failed},
		"Well":   {"it completed before it went", "well", health.Current},
		"Busy":   {"only what has ended is deleted by itself", "busy", health.Current},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			transient := map[inventory.ID]bool{w.target("job").ID: true}
			job := w.put("job", tc.phase)
			first := &await.Check{Cluster: w.h, Rules: rules(t), Transient: transient}
			if err := first.Run(t.Context(), w.targets("job")); err != nil {
				t.Fatal(err)
			}
			if err := w.Delete(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			for range 2 { // it stays what it was
				next := &await.Check{Cluster: w.h, Rules: rules(t), Transient: transient, Judged: first.Final()}
				if err := next.Run(t.Context(), w.targets("job")); err != nil {
					t.Fatal(err)
				}
				got := health.Current
				if len(next.Failed) > 0 {
					got = next.Failed[0].Status
				}
				if got != tc.want {
					t.Errorf("%s: got %s", tc.why, got)
				}
				first = next
			}
		})
	}
}

// TestWellIsNotReadAgain says that waiting costs what changes, not what is awaited.
func TestWellIsNotReadAgain(t *testing.T) {
	w := newWorld(t)
	w.put("a", "well")
	w.put("b", "busy")
	targets := w.targets("a", "b")
	await.Follow(w.h, w.unit, targets)
	w.until("both are seen", func() bool {
		_, a := await.Version(w.h, targets[0].ID)
		_, b := await.Version(w.h, targets[1].ID)
		return a && b
	})
	run := func(judged map[inventory.ID]await.Judged) *await.Check {
		t.Helper()
		w.took()
		check := &await.Check{Cluster: w.h, Rules: rules(t), Judged: judged}
		if err := check.Run(t.Context(), targets); err != nil {
			t.Fatal(err)
		}
		return check
	}
	first := run(nil)
	if diff := cmp.Diff([]string{"a", "b"}, w.took()); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	second := run(first.Judged)
	if diff := cmp.Diff([]string(nil), w.took()); diff != "" {
		t.Errorf("what was judged at the version that is seen is read again (-want +got):\n%s", diff)
	}
	if names(second.Waiting)["b"] != health.InProgress {
		t.Errorf("what was not well is not awaited any more: %+v", second)
	}
	changed := w.put("a", "failed")
	w.until("the change is seen", func() bool {
		version, _ := await.Version(w.h, targets[0].ID)
		return version == changed.GetResourceVersion()
	})
	if !await.Changed(w.h, targets, second.Judged) || await.Changed(w.h, targets[:0], nil) {
		t.Error("that something changed since it was well is not seen, or seen where there is nothing")
	}
	third := run(second.Judged)
	if diff := cmp.Diff([]string{"a"}, w.took()); diff != "" {
		t.Errorf("read after one changed (-want +got):\n%s", diff)
	}
	if names(third.Failed)["a"] != health.Failed || third.Judged[targets[0].ID].Status != health.Failed {
		t.Errorf("it was well once and is taken to be so: %+v", third)
	}
}

// TestAnswersAreNotRead says that an object is not read after an apply whose answer showed its health.
func TestAnswersAreNotRead(t *testing.T) {
	w := newWorld(t)
	known := map[inventory.ID]await.Judged{w.target("b").ID: {Version: "1", Status: health.Current}}
	noted, note := await.Noting(t.Context(), rules(t), known)
	a, b := w.put("a", "well"), w.put("b", "busy")
	note(a)
	note(b)
	if len(noted) != 2 || known[w.target("b").ID].Version != "1" {
		t.Fatalf("noted %+v, knew %+v", noted, known)
	}
	targets := w.targets("a", "b")
	await.Follow(w.h, w.unit, targets)
	w.until("both are seen", func() bool {
		_, a := await.Version(w.h, targets[0].ID)
		_, b := await.Version(w.h, targets[1].ID)
		return a && b
	})
	w.took()
	check := &await.Check{Cluster: w.h, Rules: rules(t), Judged: noted}
	if err := check.Run(t.Context(), targets); err != nil {
		t.Fatal(err)
	}
	if reads := w.took(); len(reads) > 0 {
		t.Errorf("read %v", reads)
	}
	if got := names(check.Waiting); len(got) != 1 || got["b"] != health.InProgress {
		t.Errorf("waiting for %v", got)
	}
}

// TestExistenceIsNotRead says that an object which is well because it is there costs no request while a watch sees it.
func TestExistenceIsNotRead(t *testing.T) {
	w := newWorld(t)
	there := w.put("there", "", w.owned)
	deleting := w.put("deleting", "", w.owned, func(obj *unstructured.Unstructured) { obj.SetFinalizers([]string{"capstan.dev/test"}) })
	targets := w.targets("there", "deleting")
	w.h.Live.Expect(w.unit, inventory.Of(inventory.Entry{ID: targets[0].ID, Version: "v1"}, inventory.Entry{ID: targets[1].ID, Version: "v1"}))
	if err := w.Delete(t.Context(), deleting); err != nil {
		t.Fatal(err)
	}
	w.until("both are seen as they are", func() bool {
		_, ok := w.h.Live.Lookup(targets[0].ID)
		seen, _ := w.h.Live.Lookup(targets[1].ID)
		return ok && seen.Deleting
	})
	w.took()
	check := &await.Check{Cluster: w.h}
	if err := check.Run(t.Context(), targets); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"deleting"}, w.took()); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if got, want := check.Judged[targets[0].ID], (await.Judged{Version: there.GetResourceVersion(), Status: health.Current}); got != want {
		t.Errorf("judged %+v, want %+v", got, want)
	}
	if _, waits := names(check.Waiting)["deleting"]; !waits {
		t.Error("an object that is being deleted was not awaited")
	}
}

func TestReadThatFails(t *testing.T) {
	w := newWorld(t)
	w.put("a", "well")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	check := &await.Check{Cluster: w.h, Rules: rules(t)}
	if err := check.Run(ctx, w.targets("a")); err == nil || !strings.Contains(err.Error(), "reading ConfigMap/"+w.unit.Namespace+"/a") {
		t.Errorf("what cannot be read is not missing: %v", err)
	}
}

// TestFollowWakes says that a change of what is awaited wakes the unit, whether it applied the object or not.
func TestFollowWakes(t *testing.T) {
	w := newWorld(t)
	own := w.put("own", "busy", w.owned)
	w.put("other", "busy")
	targets := w.targets("own", "other")
	w.h.Live.Expect(w.unit, inventory.Of(inventory.Entry{ID: targets[0].ID, Version: "v1", Record: inventory.Record{Live: inventory.Fingerprint{Strong: 1}}}))
	w.until("the own object is seen", func() bool {
		seen, ok := w.h.Live.Lookup(targets[0].ID)
		return ok && seen.ResourceVersion == own.GetResourceVersion()
	})
	await.Follow(w.h, w.unit, targets)
	w.until("no object is left that no watch sees", func() bool { return !await.Follow(w.h, w.unit, targets) })
	if objects := w.h.Names.Metrics().Objects; objects != 1 {
		t.Errorf("%d objects are followed by name; the live table sees the own one", objects)
	}
	byTable, byName := w.wokenBy(string(live.CauseHealth)), w.wokenBy(cluster.TopicHealth)
	w.put("own", "well", w.owned)
	w.until("its own object wakes it", func() bool { return w.wokenBy(string(live.CauseHealth)) > byTable })
	w.put("other", "well")
	w.until("the other object wakes it", func() bool { return w.wokenBy(cluster.TopicHealth) > byName })
	if err := w.Delete(t.Context(), &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Namespace: w.unit.Namespace, Name: "other"},
	}); err != nil {
		t.Fatal(err)
	}
	w.until("what is gone has no version", func() bool { _, there := await.Version(w.h, targets[1].ID); return !there })
	await.Follow(w.h, w.unit, nil)
	if objects := w.h.Names.Metrics().Objects; objects != 0 {
		t.Errorf("%d objects are followed when nothing is awaited", objects)
	}
}

// TestFollowAsksForPolling says that what no watch can see has to be polled.
func TestFollowAsksForPolling(t *testing.T) {
	w := newWorld(t)
	widget := await.Target{ID: inventory.ID{Namespace: w.unit.Namespace, Name: "a", Group: "example.com", Kind: "Widget"}, Version: "v1"}
	await.Follow(w.h, w.unit, []await.Target{widget})
	w.until("it is known that it cannot be watched", func() bool {
		return len(w.h.Names.Unwatchable(w.unit, cluster.TopicHealth)) == 1
	})
	if !await.Follow(w.h, w.unit, []await.Target{widget}) {
		t.Error("nobody would ever poll it")
	}
	if await.Follow(w.h, w.unit, nil) {
		t.Error("nothing is awaited, and it asks to be polled")
	}
}
