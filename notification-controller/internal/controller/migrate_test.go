package controller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	"github.com/capstan-gitops/capstan/pkg/events"
)

// storage changes in which form the API server stores Alerts and Providers.
type storage struct {
	*world
	t *testing.T
}

func (s storage) definition(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	return crd, s.client.Get(ctx, client.ObjectKey{Name: name}, crd)
}

// store makes a version the stored one, and returns when the API server stores it.
func (s storage) store(version string) {
	s.t.Helper()
	for _, name := range []string{alertDefinition, providerDefinition} {
		eventually(s.t, name+" is stored as "+version, func(ctx context.Context) (bool, error) {
			crd, err := s.definition(ctx, name)
			if err != nil {
				return false, err
			}
			versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
			if err != nil {
				return false, err
			}
			for _, v := range versions {
				if m, ok := v.(map[string]any); ok {
					m["storage"] = m["name"] == version
				}
			}
			if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
				return false, err
			}
			err = s.client.Update(ctx, crd)
			return err == nil, client.IgnoreNotFound(ignoreConflict(err))
		})
	}
	eventually(s.t, "it counts", func(ctx context.Context) (bool, error) {
		a, p := s.alert("probe", "sum"), s.provider("probe", "http://proxy:3128")
		if err := errors.Join(s.client.Create(ctx, a), s.client.Create(ctx, p)); err != nil {
			return false, err
		}
		old := version == "v1beta3"
		done := (a.Spec.Summary != "") == old && (p.Spec.Proxy != "") == old
		return done, errors.Join(s.client.Delete(ctx, a), s.client.Delete(ctx, p))
	})
}

func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}

func (s storage) alert(name, summary string) *notificationv1beta3.Alert {
	a := &notificationv1beta3.Alert{ObjectMeta: s.meta(name)}
	a.Spec.ProviderRef.Name, a.Spec.Summary = "none", summary
	a.Spec.EventMetadata = map[string]string{"env": "prod", "summary": "old"}
	a.Spec.EventSources = []notificationv1.CrossNamespaceObjectReference{{Kind: "Kustomization", Name: "*"}}
	return a
}

func (s storage) provider(name, proxy string) *notificationv1beta3.Provider {
	p := &notificationv1beta3.Provider{ObjectMeta: s.meta(name)}
	p.Spec.Type, p.Spec.Proxy = notificationv1.GenericProvider, proxy
	return p
}

// versions returns which forms a definition may have stored.
func (s storage) versions(name string) []string {
	s.t.Helper()
	crd, err := s.definition(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	stored, _, err := unstructured.NestedStringSlice(crd.Object, "status", "storedVersions")
	if err != nil {
		s.t.Fatal(err)
	}
	return stored
}

// emitted keeps events as reason, object and message.
type emitted map[string]string

func (e emitted) Emit(obj client.Object, event events.Event) {
	e[event.GVK.Version+" "+event.GVK.Kind+" "+obj.GetName()] = string(event.Reason) + " " + event.Message
}

// TestMigration stores objects as v1beta3, as an old release did, and has them
// rewritten.
func TestMigration(t *testing.T) {
	s := storage{newWorld(t), t}
	s.store("v1beta3")
	plain, summary := s.alert("plain", ""), s.alert("summary", "of the team")
	direct, proxied := s.provider("direct", ""), s.provider("proxied", "http://proxy:3128")
	both := s.provider("both", "http://proxy:3128")
	both.Spec.ProxySecretRef = &meta.LocalObjectReference{Name: "proxy"}
	s.create(t, plain, summary, direct, proxied, both)
	s.store("v1")

	reported, lists := emitted{}, 0
	watched, err := client.NewWithWatch(testEnv.Config(), client.Options{Scheme: s.client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	counted := interceptor.NewClient(watched, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			lists++
			return c.List(ctx, list, opts...)
		},
	})
	m := &migration{live: counted, client: s.client, recorder: reported, clock: clock.RealClock{}, log: logr.Discard()}
	proxies, err := m.readProxies(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.run(t.Context()); err != nil {
		t.Fatal(err)
	}

	t.Run("SummaryIsKept", func(t *testing.T) {
		var got notificationv1.Alert
		if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(summary), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"env": "prod", "summary": "of the team"}, got.Spec.EventMetadata); diff != "" {
			t.Errorf("a summary is metadata, and had the last word (-want +got):\n%s", diff)
		}
		if event := reported["v1 Alert summary"]; !strings.HasPrefix(event, "Migration ") {
			t.Errorf("its owner is not notified: %q", event)
		}
	})
	t.Run("EverythingElseIsWritten", func(t *testing.T) {
		for _, o := range []client.Object{plain, direct, both} {
			before := o.GetResourceVersion()
			if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
				t.Fatal(err)
			}
			if o.GetResourceVersion() == before || o.GetGeneration() != 1 {
				t.Errorf("%s is stored as it was, or was changed", o.GetName())
			}
		}
	})
	t.Run("ProxyIsHeld", func(t *testing.T) { testHeldProxy(t, s, m, reported, proxies) })
	t.Run("DoneIsDone", func(t *testing.T) {
		if diff := cmp.Diff([]string{"v1"}, s.versions(providerDefinition)); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		lists = 0
		if err := m.run(t.Context()); err != nil || lists != 0 {
			t.Errorf("the next start lists %d times, error %v", lists, err)
		}
	})
}

// testHeldProxy: a Provider that needs its old proxy keeps it until somebody writes it.
func testHeldProxy(t *testing.T, s storage, m *migration, reported emitted, proxies oldProxies) {
	if diff := cmp.Diff([]string{"v1"}, s.versions(alertDefinition)); diff != "" {
		t.Errorf("every Alert is rewritten (-want +got):\n%s", diff)
	}
	if got := s.versions(providerDefinition); !slices.Contains(got, "v1beta3") {
		t.Errorf("a Provider is left, and the definition says %v", got)
	}
	event := reported["v1 Provider proxied"]
	if !strings.Contains(event, "spec.proxySecretRef") || strings.Contains(event, "3128") {
		t.Errorf("its owner reads %q", event)
	}
	if got := slices.Sorted(maps.Keys(reported)); len(got) != 2 {
		t.Errorf("notified about %v", got)
	}
	var p notificationv1.Provider
	key := types.NamespacedName{Namespace: s.namespace, Name: "proxied"}
	if err := s.client.Get(t.Context(), key, &p); err != nil {
		t.Fatal(err)
	}
	secrets, err := (&sender{client: s.client, proxies: proxies}).secrets(t.Context(), &p)
	if err != nil || secrets.OldProxy != "http://proxy:3128" {
		t.Errorf("a message would pass %q, error %v", secrets.OldProxy, err)
	}
	patch := client.MergeFrom(p.DeepCopy())
	p.Spec.Channel = "changed"
	if err := s.client.Patch(t.Context(), &p, patch); err != nil {
		t.Fatal(err)
	}
	if got := proxies.of(&p); got != "" {
		t.Errorf("the API server dropped it, and messages pass %q", got)
	}
	if err := m.run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestDeprecatedVersion: what v1beta3 alone has is accepted and dropped, with a
// warning from the API server; what both have is the same object.
func TestDeprecatedVersion(t *testing.T) {
	s := storage{newWorld(t), t}
	warnings := &warned{}
	config := testEnv.Config()
	config.WarningHandlerWithContext = warnings
	c, err := client.New(config, client.Options{Scheme: s.client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	a, p := s.alert("old", "sum"), s.provider("old", "http://proxy:3128")
	if err := errors.Join(c.Create(t.Context(), a), c.Create(t.Context(), p)); err != nil {
		t.Fatal(err)
	}
	want := []string{"v1beta3 Alert is deprecated, upgrade to v1", "v1beta3 Provider is deprecated, upgrade to v1"}
	if diff := cmp.Diff(want, warnings.got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var read notificationv1.Alert
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(a), &read); err != nil {
		t.Fatal(err)
	}
	if a.Spec.Summary != "" || p.Spec.Proxy != "" {
		t.Error("the stored form has no place for it, and it is answered")
	}
	if diff := cmp.Diff(a.Spec.AlertSpec, read.Spec); diff != "" {
		t.Errorf("as v1 it is another (-v1beta3 +v1):\n%s", diff)
	}
}

// TestTypesOfVersions: v1 has a type that v1beta3 does not have.
func TestTypesOfVersions(t *testing.T) {
	w := newWorld(t)
	cases := map[string]struct {
		why, version, service string
		want                  bool
	}{
		"Zoom":        {"both have it", "v1", "zoom", true},
		"ZoomOld":     {"both have it", "v1beta3", "zoom", true},
		"IncidentIO":  {"both have it", "v1beta3", "incident.io", true},
		"Mastodon":    {"v1 has it", "v1", "mastodon", true},
		"MastodonOld": {"v1beta3 does not", "v1beta3", "mastodon", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"type": tc.service}}}
			p.SetGroupVersionKind(schema.GroupVersionKind{Group: notificationv1.GroupVersion.Group, Version: tc.version, Kind: "Provider"})
			p.SetNamespace(w.namespace)
			p.SetName(strings.ToLower(name))
			if err := w.client.Create(t.Context(), p); (err == nil) != tc.want {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
}

// warned keeps the warnings of the API server.
type warned struct{ got []string }

// HandleWarningHeaderWithContext takes a warning.
func (w *warned) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	w.got = append(w.got, text)
}

// TestOldProxies: a proxy holds for the version of the Provider that it was read of.
func TestOldProxies(t *testing.T) {
	known := oldProxies{"1": {resourceVersion: "7", address: "http://proxy"}}
	cases := map[string]struct {
		why           string
		uid           types.UID
		version, want string
	}{
		"Same":    {"nobody wrote it", "1", "7", "http://proxy"},
		"Written": {"any write drops the field", "1", "8", ""},
		"Other":   {"another object of the same name", "2", "7", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := &notificationv1.Provider{ObjectMeta: metav1.ObjectMeta{UID: tc.uid, ResourceVersion: tc.version}}
			if got := known.of(p); got != tc.want {
				t.Errorf("%s: got %q", tc.why, got)
			}
		})
	}
}
