package cluster_test

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

func TestUnitsOfAClusterShareWhatIsKnown(t *testing.T) {
	w := newWorld(t)
	local, err := w.pool.Local()
	if err != nil {
		t.Fatal(err)
	}
	a, b := w.place("a", nil), w.place("b", nil)
	if a != local || a != b || !a.Local {
		t.Error("the controller's own cluster is one, under one identity one handle")
	}
	tenant, err := tenancy.ServiceAccount("apps", "tenant")
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.pool.Place(t.Context(), name("c"), tenant, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c == a || c.Live != a.Live || c.Names != a.Names || c.Applier == a.Applier || c.Identity != tenant {
		t.Error("what is known is shared, what acts belongs to the identity")
	}
	east, also, west := w.place("d", w.remoteAt("east", "1")), w.place("e", w.remoteAt("east", "1")), w.place("f", w.remoteAt("west", "1"))
	if east.Local || east.Live == a.Live || east != also || west.Live == east.Live {
		t.Error("each cluster has a table of its own")
	}
	if diff := cmp.Diff([]string{"east@1", "west@1"}, w.opened); diff != "" {
		t.Errorf("a configuration is opened once (-want +got):\n%s", diff)
	}
}

// TestNoIdentity says that no client is made without an identity: requests without one would have the rights of the
// controller itself.
func TestNoIdentity(t *testing.T) {
	w := newWorld(t)
	if h, err := w.pool.Place(t.Context(), name("a"), tenancy.Identity{}, nil); err == nil {
		t.Errorf("got %v", h.Identity)
	}
}

// TestMovedUnitIsForgotten says that a unit is known in one cluster at a time.
func TestMovedUnitIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.start()
	ns := w.namespace()
	own := inventory.ID{Namespace: ns, Name: "a0", Kind: "ConfigMap"}
	ledger := inventory.Of(inventory.Entry{ID: own, Version: "v1", Record: inventory.Record{Live: inventory.Fingerprint{Strong: 1}}})
	local := w.place("a", nil)
	local.Live.Expect(name("a"), ledger)
	ref := named.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: ns, Name: "a1"}
	local.Names.Follow(name("a"), cluster.TopicHealth, []named.Ref{ref})
	east := w.place("a", w.remoteAt("east", "1"))
	if local.Live.Judge(name("a")).Synced || len(local.Live.Judge(name("a")).Objects) > 0 {
		t.Error("the old cluster still knows its objects")
	}
	if local.Names.Metrics().Objects != 0 {
		t.Error("the old cluster still follows what it waited for")
	}
	east.Live.Expect(name("a"), ledger)
	if again := w.place("a", w.remoteAt("east", "1")); again.Live != east.Live {
		t.Error("it stays where it is")
	}
	if back := w.place("a", nil); back.Live != local.Live {
		t.Error("it does not come back")
	}
	w.place("a", w.remoteAt("east", "1"))
	if diff := cmp.Diff([]string{"east@1", "east@1"}, w.opened); diff != "" {
		t.Errorf("a cluster that nobody is applied to is released (-want +got):\n%s", diff)
	}
}

func TestRemoteGoesWithItsLastUnit(t *testing.T) {
	w := newWorld(t)
	w.start()
	first := w.place("a", w.remoteAt("east", "1"))
	w.place("b", w.remoteAt("east", "1"))
	w.pool.Forget(name("a"))
	if still := w.place("b", w.remoteAt("east", "1")); still.Live != first.Live {
		t.Error("it was released while a unit was left")
	}
	w.pool.Forget(name("b"))
	w.pool.Forget(name("nobody"))
	if anew := w.place("b", w.remoteAt("east", "1")); anew.Live == first.Live {
		t.Error("it was kept for nobody")
	}
	if diff := cmp.Diff([]string{"east@1", "east@1"}, w.opened); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
}

// TestRemoteStopsWatching says that a cluster that is released is not asked for anything any more.
func TestRemoteStopsWatching(t *testing.T) {
	seen := &watches{}
	server := httptest.NewTLSServer(seen)
	t.Cleanup(server.Close)
	w := newWorld(t)
	w.mapping(mapperOfTests)
	w.start()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	h := w.place("a", &cluster.Remote{Key: "east", Version: "1", Open: func(context.Context) (*kubeconfig.Endpoint, error) {
		return kubeconfig.Connect(kubeconfig.Connection{Server: server.URL, CA: ca, Tokens: tokens{}}, kubeconfig.Options{})
	}})
	h.Live.Expect(name("a"), inventory.Of(inventory.Entry{ID: inventory.ID{Namespace: "apps", Name: "a0", Kind: "ConfigMap"}, Version: "v1"}))
	w.until("the remote cluster is watched", func() bool { return seen.now() > 0 })
	w.pool.Forget(name("a"))
	w.until("its watches end", func() bool { return seen.now() == 0 })
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, soon, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		w.t.Fatalf("waiting until %s: %v", what, err)
	}
}

// TestNewVersion says that units move over to a new configuration one by one, and that the old one lives until the last
// has.
func TestNewVersion(t *testing.T) {
	w := newWorld(t)
	old := w.place("a", w.remoteAt("east", "1"))
	w.place("b", w.remoteAt("east", "1"))
	moved := w.place("a", w.remoteAt("east", "2"))
	if moved.Live == old.Live {
		t.Error("the new configuration is not used")
	}
	if both := w.place("b", w.remoteAt("east", "2")); both != moved {
		t.Error("the other unit does not follow")
	}
	if stays := w.place("a", w.remoteAt("east", "2")); stays != moved {
		t.Error("letting go of the old configuration took the new one along")
	}
	if diff := cmp.Diff([]string{"east@1", "east@2"}, w.opened); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
}

// TestConfigurationThatDoesNotHold says that a cluster whose address or CA was found to have changed is opened anew,
// although the object with its configuration is the same.
func TestConfigurationThatDoesNotHold(t *testing.T) {
	w := newWorld(t)
	config := testEnv.Config()
	var holds atomic.Bool
	holds.Store(true)
	opened := 0
	to := &cluster.Remote{Key: "east", Version: "1", Open: func(context.Context) (*kubeconfig.Endpoint, error) {
		opened++
		current := holds.Load
		if opened > 1 {
			current = nil
		}
		return kubeconfig.Connect(kubeconfig.Connection{Server: config.Host, CA: config.CAData, Tokens: tokens{}, Current: current}, kubeconfig.Options{})
	}}
	w.mapping(mapperOfTests)
	first := w.place("a", to)
	if same := w.place("a", to); same != first || opened != 1 {
		t.Fatalf("while it holds it is kept; opened %d times", opened)
	}
	holds.Store(false)
	second := w.place("a", to)
	if second.Live == first.Live || opened != 2 {
		t.Errorf("it does not hold any more and is used all the same; opened %d times", opened)
	}
	if third := w.place("a", to); third != second || opened != 2 {
		t.Errorf("the new one holds; opened %d times", opened)
	}
}

// tokens is a source of tokens that nobody accepts.
type tokens struct{}

func (tokens) Token(context.Context, string) (string, error) { return "none", nil }

func TestConfigurationThatCannotBeOpened(t *testing.T) {
	w := newWorld(t)
	before := w.place("a", nil)
	_, err := w.pool.Place(t.Context(), name("a"), tenancy.Controller(), &cluster.Remote{
		Key: "east", Version: "1", Open: func(context.Context) (*kubeconfig.Endpoint, error) { return nil, cluster.ErrNoConfiguration },
	})
	if !errors.Is(err, cluster.ErrNoConfiguration) {
		t.Errorf("got %v", err)
	}
	w.mapping(func(*rest.Config) (apimeta.RESTMapper, error) { return nil, errors.New("no discovery") })
	if _, err := w.pool.Place(t.Context(), name("a"), tenancy.Controller(), w.remoteAt("east", "1")); err == nil || !strings.Contains(err.Error(), "no discovery") {
		t.Errorf("got %v", err)
	}
	if again := w.place("a", nil); again == nil || before == nil {
		t.Error("the unit has no cluster any more")
	}
}

func TestRead(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	h := w.place("a", nil)
	cases := map[string]struct {
		why       string
		id        inventory.ID
		found     bool
		undefined bool
	}{
		"There":     {"it is read", inventory.ID{Namespace: ns, Name: "a0", Kind: "ConfigMap"}, true, false},
		"Absent":    {"what is not there is no error", inventory.ID{Namespace: ns, Name: "none", Kind: "ConfigMap"}, false, false},
		"Cluster":   {"objects without namespace are read", inventory.ID{Name: ns, Kind: "Namespace"}, true, false},
		"Undefined": {"of a kind that nothing defines there is no object", inventory.ID{Namespace: ns, Name: "a", Group: "example.com", Kind: "Widget"}, false, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj, err := h.Read(t.Context(), tc.id, "v1")
			if cluster.Undefined(err) != tc.undefined || (err != nil) != tc.undefined {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if (obj != nil) != tc.found {
				t.Errorf("%s: %v", tc.why, obj)
			}
		})
	}
	if cluster.Undefined(errors.New("connection refused")) || cluster.Undefined(nil) {
		t.Error("what cannot be reached is not undefined")
	}
}

func TestReadIsRefused(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	tenant, err := tenancy.ServiceAccount(ns, "nobody")
	if err != nil {
		t.Fatal(err)
	}
	h, err := w.pool.Place(t.Context(), name("a"), tenant, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Read(t.Context(), inventory.ID{Namespace: ns, Name: "a0", Kind: "ConfigMap"}, "v1")
	if err == nil || !strings.Contains(err.Error(), "system:serviceaccount:"+ns+":nobody") {
		t.Errorf("what the ServiceAccount may not read was read: %v", err)
	}
	if exists, err := h.IdentityExists(t.Context()); exists || err != nil {
		t.Errorf("there is no such ServiceAccount: %v, %v", exists, err)
	}
	own := w.place("a", nil)
	if exists, err := own.IdentityExists(t.Context()); !exists || err != nil {
		t.Errorf("the controller is always there: %v, %v", exists, err)
	}
}

func TestList(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	h := w.place("a", nil)
	kind := schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	for limit, want := range map[int64]int{10: 2, 1: 1} {
		list, err := h.List(t.Context(), kind, ns, "l=x", limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) != want {
			t.Errorf("with limit %d there are %d", limit, len(list.Items))
		}
	}
	if _, err := h.List(t.Context(), schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}, ns, "", 1); !cluster.Undefined(err) {
		t.Errorf("got %v", err)
	}
}

func TestNamespaced(t *testing.T) {
	h := newWorld(t).place("a", nil)
	for kind, want := range map[schema.GroupKind]bool{
		{Kind: "ConfigMap"}: true, {Kind: "Namespace"}: false, {Group: "example.com", Kind: "Widget"}: true,
	} {
		if got := h.Namespaced(kind); got != want {
			t.Errorf("%s: %v; a kind that is not known is taken to live in namespaces", kind, got)
		}
	}
}
