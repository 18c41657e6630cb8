package reference_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

// soon bounds every wait; it is generous, because machines are shared.
const soon = 20 * time.Second

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.NoCRDs())) }

// world is a store beside the API server, with a namespace of its own.
type world struct {
	client.Client
	t     *testing.T
	ns    string
	unit  types.NamespacedName
	store *reference.Store

	mu    sync.Mutex
	fail  error
	reads int
	woken int
}

// newWorld makes a store; without watching it never learns a version.
func newWorld(t *testing.T, watching bool, wakes labels.Selector) *world {
	t.Helper()
	w := &world{t: t}
	config := testEnv.Config()
	var err error
	if w.Client, err = client.New(config, client.Options{}); err != nil {
		t.Fatal(err)
	}
	w.ns = env.Namespace(t, w.Client)
	w.unit = types.NamespacedName{Namespace: w.ns, Name: "shop"}
	made := make(chan struct{})
	watcher := newWatcher(t, config, func(unit types.NamespacedName, topic string, _ named.Ref, seen named.Seen) {
		<-made
		if topic == reference.Topic && w.store.Concerns(unit, seen) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.woken++
		}
	})
	w.store = reference.New(reference.Options{Watcher: watcher, Read: w.read, Wakes: wakes})
	close(made)
	if watching {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- watcher.Start(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	return w
}

func newWatcher(t *testing.T, config *rest.Config, wake named.Wake) *named.Watcher {
	t.Helper()
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, http)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := metadata.NewForConfigAndClient(metadata.ConfigFor(config), http)
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := named.New(named.Options{Metadata: meta, Mapper: mapper, Wake: wake})
	if err != nil {
		t.Fatal(err)
	}
	return watcher
}

func (w *world) read(ctx context.Context, kind string, name types.NamespacedName) (*reference.Object, error) {
	w.mu.Lock()
	w.reads++
	fail := w.fail
	w.mu.Unlock()
	if fail != nil {
		return nil, fail
	}
	if kind != reference.KindConfigMap {
		return nil, fmt.Errorf("kind %s", kind)
	}
	found := &corev1.ConfigMap{}
	err := w.Get(ctx, name, found)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	out := &reference.Object{UID: found.UID, ResourceVersion: found.ResourceVersion, Data: map[string][]byte{}}
	for key, value := range found.Data {
		out.Data[key] = []byte(value)
	}
	return out, err
}

// took returns how often the content was read and the unit woken since it was last called.
func (w *world) took() (reads, woken int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reads, woken = w.reads, w.woken
	w.reads, w.woken = 0, 0
	return reads, woken
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	err := wait.PollUntilContextTimeout(w.t.Context(), 10*time.Millisecond, soon, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		w.t.Fatalf("waiting until %s: %v", what, err)
	}
}

func (w *world) ref(name string) reference.Reference {
	return reference.Reference{Field: "spec.postBuild.substituteFrom[0]", Kind: reference.KindConfigMap, Namespace: w.ns, Name: name}
}

// put makes or changes a ConfigMap.
func (w *world) put(name, value string, labels map[string]string) *corev1.ConfigMap {
	w.t.Helper()
	obj := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name, Labels: labels}, Data: map[string]string{"v": value}}
	err := w.Create(w.t.Context(), obj)
	if apierrors.IsAlreadyExists(err) {
		err = w.Update(w.t.Context(), obj)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return obj
}

// observe waits until the store knows the references, and returns their digest.
func (w *world) observe(names ...string) string {
	w.t.Helper()
	var refs []reference.Reference
	for _, name := range names {
		refs = append(refs, w.ref(name))
	}
	var digest string
	w.until("the references are known", func() bool {
		var ready bool
		var err error
		if digest, ready, err = w.store.Observe(w.t.Context(), w.unit, refs); err != nil {
			w.t.Fatal(err)
		}
		return ready
	})
	return digest
}

func (w *world) data(name string) map[string]string {
	w.t.Helper()
	data, err := w.store.Data(w.t.Context(), w.ref(name))
	if err != nil {
		w.t.Fatal(err)
	}
	if data == nil {
		return nil
	}
	out := map[string]string{}
	for key, value := range data {
		out[key] = string(value)
	}
	return out
}

func TestDigestNamesTheVersions(t *testing.T) {
	w := newWorld(t, true, nil)
	made := w.put("a", "1", nil)
	prefix := "ConfigMap/" + w.ns + "/"
	version := func(obj *corev1.ConfigMap) string {
		return prefix + obj.Name + "@" + string(obj.UID) + "/" + obj.ResourceVersion + "\n"
	}
	if diff := cmp.Diff(version(made)+prefix+"none@absent\n", w.observe("a", "none")); diff != "" {
		t.Errorf("the digest differs (-want +got):\n%s", diff)
	}
	if reads, _ := w.took(); reads != 0 {
		t.Errorf("versions come from the watch, but %d objects were read", reads)
	}
	changed := w.put("a", "2", nil)
	w.until("the change is seen", func() bool { return w.observe("a") == version(changed) })
	if err := w.Delete(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	w.until("the deletion is seen", func() bool { return w.observe("a") == prefix+"a@absent\n" })
	anew := w.put("a", "2", nil)
	w.until("the new object is seen", func() bool { return w.observe("a") == version(anew) })
	if anew.UID == changed.UID {
		t.Error("it is the same object")
	}
}

// TestUnwatchedIsRead says that what no watch sees is read each time, and is then known as well.
func TestUnwatchedIsRead(t *testing.T) {
	w := newWorld(t, false, nil)
	made := w.put("a", "1", nil)
	if _, ready, err := w.store.Observe(t.Context(), w.unit, []reference.Reference{w.ref("a")}); ready || err != nil {
		t.Errorf("it is known without a watch: %v", err)
	}
	for range 2 {
		version, err := w.store.Version(t.Context(), w.ref("a"))
		if err != nil || version != string(made.UID)+"/"+made.ResourceVersion {
			t.Errorf("version %s, %v", version, err)
		}
		if diff := cmp.Diff(map[string]string{"v": "1"}, w.data("a")); diff != "" {
			t.Errorf("the content differs (-want +got):\n%s", diff)
		}
		if reads, _ := w.took(); reads != 2 {
			t.Errorf("read %d times, but nobody would say that it changed", reads)
		}
	}
	if version, err := w.store.Version(t.Context(), w.ref("none")); version != "absent" || err != nil {
		t.Errorf("what does not exist is %s, %v", version, err)
	}
	if data := w.data("none"); data != nil {
		t.Errorf("what does not exist has content: %v", data)
	}
}

func TestContentIsReadOncePerVersion(t *testing.T) {
	w := newWorld(t, true, nil)
	w.put("a", "1", nil)
	w.observe("a", "none")
	for range 3 {
		if diff := cmp.Diff(map[string]string{"v": "1"}, w.data("a")); diff != "" {
			t.Errorf("the content differs (-want +got):\n%s", diff)
		}
		if data := w.data("none"); data != nil {
			t.Errorf("what does not exist has content: %v", data)
		}
	}
	if reads, _ := w.took(); reads != 1 {
		t.Errorf("one version of one object was read %d times", reads)
	}
	before := w.observe("a")
	w.put("a", "2", nil)
	w.until("the change is seen", func() bool { return w.observe("a") != before })
	if diff := cmp.Diff(map[string]string{"v": "2"}, w.data("a")); diff != "" {
		t.Errorf("the content is that of the old version (-want +got):\n%s", diff)
	}
	if reads, _ := w.took(); reads != 1 {
		t.Errorf("the new version was read %d times", reads)
	}
}

func TestLargeContentIsNotKept(t *testing.T) {
	w := newWorld(t, true, nil)
	large := string(bytes.Repeat([]byte("x"), 64<<10))
	w.put("large", large, nil)
	w.observe("large")
	for range 2 {
		if got := w.data("large")["v"]; got != large {
			t.Errorf("%d bytes came back", len(got))
		}
	}
	if reads, _ := w.took(); reads != 2 {
		t.Errorf("read %d times; what is large is not kept", reads)
	}
}

func TestFailedReadIsNotAbsence(t *testing.T) {
	w := newWorld(t, false, nil)
	w.fail = errors.New("connection refused")
	if digest, err := w.store.Digest(t.Context(), []reference.Reference{w.ref("a")}); !errors.Is(err, w.fail) || digest != "" || !strings.Contains(err.Error(), "spec.postBuild.substituteFrom[0]: ConfigMap "+w.ns+"/a") {
		t.Errorf("digest %q, %v", digest, err)
	}
	if data, err := w.store.Data(t.Context(), w.ref("a")); !errors.Is(err, w.fail) || data != nil {
		t.Errorf("content %v, %v", data, err)
	}
}

// TestWhoIsWoken is the rule of the contract: a change wakes at once where the object carries the label, and else
// counts at the next pass; what was missing wakes whoever misses it.
func TestWhoIsWoken(t *testing.T) {
	watched := labels.SelectorFromSet(labels.Set{"watch": "yes"})
	cases := map[string]struct {
		why     string
		wakes   labels.Selector
		labels  map[string]string
		missing bool
		want    bool
	}{
		"Labelled":         {"the label asks for it", watched, map[string]string{"watch": "yes"}, false, true},
		"OtherLabel":       {"it does not carry the label", watched, map[string]string{"watch": "no"}, false, false},
		"NotLabelled":      {"it does not carry the label", watched, nil, false, false},
		"NobodyPicks":      {"without a selector no change wakes", nil, map[string]string{"watch": "yes"}, false, false},
		"SomethingMissing": {"a unit that misses something is woken by whatever it refers to", nil, nil, true, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true, tc.wakes)
			w.put("a", "1", tc.labels)
			refs := []string{"a"}
			if tc.missing {
				refs = append(refs, "none")
			}
			w.observe(refs...)
			seen := named.Seen{Exists: true, Labels: tc.labels}
			if got := w.store.Concerns(w.unit, seen); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
			w.took()
			if tc.missing {
				w.put("none", "1", nil)
				w.until("it is woken", func() bool { _, woken := w.took(); return woken > 0 })
				w.observe(refs...)
				if w.store.Concerns(w.unit, seen) {
					t.Error("nothing is missing any more")
				}
			}
			w.store.Forget(w.unit)
			if tc.wakes == nil && w.store.Concerns(w.unit, seen) {
				t.Error("a unit that is gone is woken")
			}
		})
	}
}
