package deletion_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

// Labels and annotations of the owner; the controller chooses them.
const (
	ownerName      = "kustomize.toolkit.fluxcd.io/name"
	ownerNamespace = "kustomize.toolkit.fluxcd.io/namespace"
	prunePolicy    = "kustomize.toolkit.fluxcd.io/prune"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.NoCRDs())) }

func TestOverrideOf(t *testing.T) {
	cases := map[string]struct {
		why    string
		policy ownership.Policy
		want   deletion.Override
	}{
		"None":             {"the budget decides", ownership.Policy{}, deletion.NoOverride},
		"Protected":        {"it is held", ownership.Policy{Deletion: ownership.PolicyProtected}, deletion.Protected},
		"Allowed":          {"it goes whatever the budget is", ownership.Policy{Deletion: ownership.PolicyAllowed}, deletion.Allowed},
		"PruneDisabled":    {"it is released", ownership.Policy{Prune: ownership.PolicyDisabled}, deletion.Kept},
		"ReconcileOff":     {"it is left alone altogether", ownership.Policy{Reconcile: ownership.PolicyDisabled}, deletion.Kept},
		"Ignored":          {"it is left alone altogether", ownership.Policy{SSA: ownership.PolicyIgnore}, deletion.Kept},
		"KeptAndAllowed":   {"what is kept is kept, also if its deletion were allowed", ownership.Policy{Prune: ownership.PolicyDisabled, Deletion: ownership.PolicyAllowed}, deletion.Kept},
		"KeptAndProtected": {"what is kept needs no consent", ownership.Policy{Prune: ownership.PolicyDisabled, Deletion: ownership.PolicyProtected}, deletion.Kept},
		"OtherPolicies":    {"how it is applied says nothing about its deletion", ownership.Policy{SSA: ownership.PolicyMerge, Force: ownership.PolicyEnabled}, deletion.NoOverride},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := deletion.OverrideOf(tc.policy); got != tc.want {
				t.Errorf("%s: %v, want %v", tc.why, got, tc.want)
			}
		})
	}
}

// world is a cluster with objects of a unit and of others.
type world struct {
	client.Client
	t    *testing.T
	unit types.NamespacedName
	h    *cluster.Handle

	mu      sync.Mutex
	deleted []string
	refuse  string // the end of a path that may not be deleted
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
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
	owner, err := ownership.New(ownership.Names{
		Manager: "capstan-test", PolicyPrefix: "kustomize.toolkit.fluxcd.io/", NameLabel: ownerName, NamespaceLabel: ownerNamespace,
	})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := cluster.New(cluster.Options{
		Config: config, Mapper: mapper, Clock: clock.RealClock{},
		Live: live.Options{
			Owner: owner,
			Wake:  func(live.Unit, live.Cause) {},
		},
		Named: func(types.NamespacedName, string, named.Ref, named.Seen) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.h, err = pool.Local(); err != nil {
		t.Fatal(err)
	}
	return w
}

// wrap notes the deletions in their order.
func (w *world) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodDelete {
			w.mu.Lock()
			refuse := w.refuse
			w.deleted = append(w.deleted, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
			w.mu.Unlock()
			if refuse != "" && strings.HasSuffix(r.URL.Path, refuse) {
				return nil, errors.New("connection reset")
			}
		}
		return next.RoundTrip(r)
	})
}

// made creates an object that a unit owns and returns its entry in the inventory.
func (w *world) made(kind, name string, owner types.NamespacedName, change ...func(*unstructured.Unstructured)) inventory.Entry {
	w.t.Helper()
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind}}
	obj.SetName(name)
	obj.SetNamespace(w.unit.Namespace)
	if owner.Name != "" {
		obj.SetLabels(map[string]string{ownerName: owner.Name, ownerNamespace: owner.Namespace})
	}
	for _, c := range change {
		c(obj)
	}
	if err := w.Create(w.t.Context(), obj); err != nil {
		w.t.Fatal(err)
	}
	return w.entry(kind, name)
}

func (w *world) entry(kind, name string) inventory.Entry {
	return inventory.Entry{ID: inventory.ID{Namespace: w.unit.Namespace, Name: name, Kind: kind}, Version: "v1"}
}

func annotated(key, value string) func(*unstructured.Unstructured) {
	return func(obj *unstructured.Unstructured) { obj.SetAnnotations(map[string]string{key: value}) }
}

func finalized(obj *unstructured.Unstructured) { obj.SetFinalizers([]string{"capstan.dev/test"}) }

// TestReadLeavesOutWhatIsNotTheUnits says that nobody's but the unit's own objects are shown to the budget or kept.
func TestReadLeavesOutWhatIsNotTheUnits(t *testing.T) {
	w := newWorld(t)
	other := types.NamespacedName{Namespace: w.unit.Namespace, Name: "other"}
	namesake := types.NamespacedName{Namespace: "elsewhere", Name: w.unit.Name}
	widget := w.entry("Widget", "a")
	widget.Group = "example.com"
	candidates, err := deletion.Read(t.Context(), w.h, w.unit, []inventory.Entry{
		w.made("ConfigMap", "plain", w.unit),
		w.made("ConfigMap", "protected", w.unit, annotated(meta.AnnotationDeletion, "protected")),
		w.made("ConfigMap", "kept", w.unit, annotated(prunePolicy, "disabled")),
		w.made("ConfigMap", "others", other), w.made("ConfigMap", "namesakes", namesake), w.made("ConfigMap", "nobodys", types.NamespacedName{}),
		w.entry("ConfigMap", "gone"), widget,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[inventory.ID]deletion.Override{
		w.entry("ConfigMap", "plain").ID: deletion.NoOverride, w.entry("ConfigMap", "protected").ID: deletion.Protected, w.entry("ConfigMap", "kept").ID: deletion.Kept,
	}
	if diff := cmp.Diff(want, candidates.Overrides(w.h.Live.Owner())); diff != "" {
		t.Errorf("the objects about to go differ (-want +got):\n%s", diff)
	}
}

func TestReadThatFails(t *testing.T) {
	w := newWorld(t)
	entry := w.made("ConfigMap", "a", w.unit)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := deletion.Read(ctx, w.h, w.unit, []inventory.Entry{entry}); err == nil || !strings.Contains(err.Error(), "reading ConfigMap/"+w.unit.Namespace+"/a before it is deleted") {
		t.Errorf("what cannot be read is not gone: %v", err)
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	other := types.NamespacedName{Namespace: w.unit.Namespace, Name: "other"}
	entries := []inventory.Entry{
		w.made("ServiceAccount", "account", w.unit), w.made("ConfigMap", "a", w.unit), w.made("ConfigMap", "held", w.unit, finalized),
		w.made("ConfigMap", "others", other), w.made("ConfigMap", "kept", w.unit, annotated(prunePolicy, "disabled")),
		w.entry("ConfigMap", "gone"),
	}
	out, err := deletion.Delete(t.Context(), w.h, w.unit, entries)
	if err != nil {
		t.Fatal(err)
	}
	subject := func(kind, name string) string { return kind + "/" + w.unit.Namespace + "/" + name }
	want := deletion.Result{
		Gone: []inventory.ID{
			w.entry("ConfigMap", "others").ID, w.entry("ConfigMap", "kept").ID, w.entry("ConfigMap", "gone").ID, w.entry("ConfigMap", "a").ID,
			w.entry("ServiceAccount", "account").ID,
		},
		Left: 1,
		Lines: []string{
			subject("ConfigMap", "others") + " skipped", subject("ConfigMap", "kept") + " skipped", subject("ConfigMap", "held") + " deleted",
			subject("ConfigMap", "a") + " deleted", subject("ServiceAccount", "account") + " deleted",
		},
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("the outcome differs (-want +got):\n%s", diff)
	}
	again, err := deletion.Delete(t.Context(), w.h, w.unit, []inventory.Entry{w.entry("ConfigMap", "held"), w.entry("ConfigMap", "gone")})
	if err != nil || len(again.Lines) > 0 || again.Left != 1 {
		t.Errorf("what was reported is reported again, or what was not done: %+v, %v", again, err)
	}
	if at := slices.Index(w.deleted, "account"); at != len(w.deleted)-1 {
		t.Errorf("what is applied first is deleted last, but they were deleted in the order %q", w.deleted)
	}
	for name, there := range map[string]bool{"a": false, "held": true, "others": true, "kept": true} {
		err := w.Get(t.Context(), types.NamespacedName{Namespace: w.unit.Namespace, Name: name}, &corev1.ConfigMap{})
		if client.IgnoreNotFound(err) != nil || apierrors.IsNotFound(err) == there {
			t.Errorf("%s is there: %v", name, err == nil)
		}
	}
}

// TestDeleteThatFails says that one object which cannot be deleted stays in the inventory and keeps no other.
func TestDeleteThatFails(t *testing.T) {
	w := newWorld(t)
	entries := []inventory.Entry{w.made("ConfigMap", "a", w.unit), w.made("ConfigMap", "stuck", w.unit)}
	w.refuse = "/stuck"
	out, err := deletion.Delete(t.Context(), w.h, w.unit, entries)
	if err == nil || !strings.Contains(err.Error(), "connection reset") || !strings.Contains(err.Error(), "stuck") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]inventory.ID{entries[0].ID}, out.Gone); diff != "" || out.Left != 0 {
		t.Errorf("gone (-want +got), %d left:\n%s", out.Left, diff)
	}
}

func TestKeep(t *testing.T) {
	cases := map[string]struct {
		why         string
		annotations map[string]string
		none        bool
		want        string // part of the message
	}{
		"Kept":     {"what is deleted is kept for a while", nil, false, "Objects kept until"},
		"Declined": {"the unit declines it", map[string]string{snapshot.AnnotationSnapshot: "disabled"}, false, ""},
		"Nothing":  {"nothing was there", nil, true, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			store, err := snapshot.New(snapshot.Options{Client: w.Client, Clock: clock.RealClock{}, Kind: "Kustomization", Keep: time.Hour, Namespace: w.unit.Namespace})
			if err != nil {
				t.Fatal(err)
			}
			kept, other := w.made("ConfigMap", "a", w.unit), w.made("ConfigMap", "b", w.unit)
			candidates, err := deletion.Read(t.Context(), w.h, w.unit, []inventory.Entry{kept, other})
			if err != nil {
				t.Fatal(err)
			}
			entries := []inventory.Entry{kept, w.entry("ConfigMap", "gone")}
			if tc.none {
				entries = entries[1:]
			}
			unit := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.unit.Namespace, Name: w.unit.Name, UID: "1", Annotations: tc.annotations}}
			message, err := candidates.Keep(t.Context(), store, unit, "main@sha1:1", entries)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want == "" && message != "" || !strings.Contains(message, tc.want) {
				t.Errorf("%s: got %q", tc.why, message)
			}
			if tc.want != "" && !strings.Contains(message, ": 1; ") {
				t.Errorf("of what may go only what goes is kept: got %q", message)
			}
		})
	}
}
