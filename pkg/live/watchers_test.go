package live_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/live/definitions"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

var (
	roles        = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}
	roleBindings = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
	crds         = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

// follower is a watcher of named objects and what it was woken for.
type follower struct {
	*named.Watcher
	w    *world
	unit types.NamespacedName

	mu    sync.Mutex
	woken map[string]named.Seen
}

// follower starts a watcher that reads as the given options say.
func (w *world) follower(options named.Options) *follower {
	w.t.Helper()
	f := &follower{w: w, unit: w.unit, woken: map[string]named.Seen{}}
	options.Log = logr.Discard()
	options.Wake = func(unit types.NamespacedName, topic string, ref named.Ref, seen named.Seen) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.woken[ref.Name] = seen
	}
	f.Watcher = must(named.New(options))(w.t)
	w.run(f.Start)
	return f
}

// run runs something until the test ends.
func (w *world) run(start func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- start(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
}

// awaken waits until the unit was woken for an object; without a name, until all
// are known.
func (f *follower) awaken(name string, holds func(named.Seen) bool) {
	f.w.t.Helper()
	f.w.eventually("the unit is woken for "+name, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		seen, ok := f.woken[name]
		return ok && holds(seen)
	})
}

func always(named.Seen) bool { return true }

func (f *follower) follow(refs ...named.Ref) {
	f.w.t.Helper()
	f.mu.Lock()
	clear(f.woken)
	f.mu.Unlock()
	if !f.Follow(f.unit, "test", refs) {
		f.awaken("", always)
	}
}

func (w *world) create(gvr schema.GroupVersionResource, obj *unstructured.Unstructured) {
	w.t.Helper()
	must(w.client.Resource(gvr).Namespace(obj.GetNamespace()).Create(w.t.Context(), obj, metav1.CreateOptions{}))(w.t)
}

// TestNamedObjects watches objects by name, some by name and many by namespace,
// as the API server reports them.
func TestNamedObjects(t *testing.T) {
	w := newWorld(t)
	f := w.follower(named.Options{Metadata: w.options.Metadata, Mapper: w.options.Mapper})
	ref := func(name string) named.Ref {
		return named.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: w.ns, Name: name}
	}
	for _, count := range []int{3, 40, 2} {
		refs := make([]named.Ref, 0, count)
		for i := range count {
			refs = append(refs, ref(fmt.Sprintf("config-%02d", i)))
		}
		f.follow(refs...)
		here, absent := refs[0], refs[count-1]
		if seen, known := f.Lookup(absent); !known || seen.Exists {
			t.Errorf("%d names: an absent one is seen as %+v, known %t", count, seen, known)
		}
		obj := w.object("v1", "ConfigMap", here.Name, nil)
		w.create(configMaps, obj)
		f.awaken(here.Name, func(s named.Seen) bool { return s.Exists && s.Labels[testowner.NameLabel] == "apps" })
		changed := must(w.client.Resource(configMaps).Namespace(w.ns).Patch(t.Context(), here.Name, types.MergePatchType, []byte(`{"data":{"a":"b"}}`), metav1.PatchOptions{}))(t)
		f.awaken(here.Name, func(s named.Seen) bool {
			return s.ResourceVersion == changed.GetResourceVersion() && s.UID == changed.GetUID()
		})
		if err := w.client.Resource(configMaps).Namespace(w.ns).Delete(t.Context(), here.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		f.awaken(here.Name, func(s named.Seen) bool { return !s.Exists })
		want := count
		if count > 16 {
			want = 1
		}
		w.eventually("as many watches as are needed", func() bool { return f.Metrics() == named.Sizes{Watches: want, Objects: count} })
	}
}

// TestNamedByPermission watches with a permission for one name only.
func TestNamedByPermission(t *testing.T) {
	w := newWorld(t)
	const user = "one-name"
	role := w.object("rbac.authorization.k8s.io/v1", "Role", user, fields{"rules": []any{fields{
		"apiGroups": []any{""}, "resources": []any{"secrets"}, "resourceNames": []any{"allowed"}, "verbs": []any{"list", "watch"},
	}}})
	binding := w.object("rbac.authorization.k8s.io/v1", "RoleBinding", user, fields{
		"roleRef":  fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
		"subjects": []any{fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	})
	w.create(roles, role)
	w.create(roleBindings, binding)
	ref := func(name string) named.Ref {
		return named.Ref{GroupKind: schema.GroupKind{Kind: "Secret"}, Namespace: w.ns, Name: name}
	}
	f := w.follower(named.Options{
		Metadata: optionsFor(t, must(testEnv.ConfigFor(user))(t)).Metadata, Mapper: w.options.Mapper,
	})
	f.follow(ref("allowed"), ref("denied"))
	w.eventually("the permission is in force", func() bool {
		f.KindsChanged(schema.GroupKind{Kind: "Secret"})
		_, known := f.Lookup(ref("allowed"))
		return known
	})
	want := map[named.Ref]string{ref("denied"): string(stream.Forbidden)}
	if diff := cmp.Diff(want, f.Unwatchable(f.unit, "test")); diff != "" {
		t.Error(diff)
	}
	w.create(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, w.object("v1", "Secret", "allowed", nil))
	f.awaken("allowed", func(s named.Seen) bool { return s.Exists })
}

// definition builds a definition of a kind in a group of the test's own.
func (w *world) definition(kind string) *unstructured.Unstructured {
	plural, group := strings.ToLower(kind)+"s", w.ns+".example.org"
	return &unstructured.Unstructured{Object: fields{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": fields{"name": plural + "." + group},
		"spec": fields{
			"group": group, "scope": "Namespaced",
			"names": fields{"kind": kind, "listKind": kind + "List", "plural": plural, "singular": strings.ToLower(kind)},
			"versions": []any{fields{"name": "v1", "served": true, "storage": true, "schema": fields{
				"openAPIV3Schema": fields{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
		},
	}}
}

// TestDefinitions reports what happens to definitions, and has a watch of an object
// begin when its kind appears.
func TestDefinitions(t *testing.T) {
	w := newWorld(t)
	group := w.ns + ".example.org"
	f := w.follower(named.Options{Metadata: w.options.Metadata, Mapper: w.options.Mapper})
	thing := named.Ref{GroupKind: schema.GroupKind{Group: group, Kind: "Thing"}, Namespace: w.ns, Name: "one"}
	f.follow(thing)
	if diff := cmp.Diff(map[named.Ref]string{thing: string(stream.NotServed)}, f.Unwatchable(f.unit, "test")); diff != "" {
		t.Fatal(diff)
	}

	w.create(crds, w.definition("Before"))
	var mu sync.Mutex
	var calls [][]string
	d := must(definitions.New(definitions.Options{
		Metadata: w.options.Metadata, Mapper: w.options.Mapper, Log: logr.Discard(),
		Changed: func(kinds []schema.GroupKind) {
			f.KindsChanged(kinds...)
			mu.Lock()
			defer mu.Unlock()
			var names []string
			for _, gk := range kinds {
				if gk.Group == group {
					names = append(names, gk.Kind)
				}
			}
			calls = append(calls, names)
		},
	}))(t)
	w.run(d.Start)
	reported := func(kind string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			for _, names := range calls {
				if slices.Contains(names, kind) {
					calls = nil
					return true
				}
			}
			return false
		}
	}
	kinds := []string{"Thing"}
	for i := range 10 {
		kinds = append(kinds, fmt.Sprintf("Kind%c", 'A'+i))
	}
	patch := func(kind, body string) {
		must(w.client.Resource(crds).Patch(t.Context(), w.definition(kind).GetName(), types.MergePatchType, []byte(body), metav1.PatchOptions{}))(t)
	}
	attempt := 0
	w.eventually("the watch is open", func() bool {
		attempt++
		patch("Before", fmt.Sprintf(`{"spec":{"names":{"shortNames":["b%d"]}}}`, attempt))
		return reported("Before")()
	})
	for _, kind := range kinds {
		w.create(crds, w.definition(kind))
	}
	all := map[string]bool{}
	w.eventually("all new kinds are reported", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, names := range calls {
			for _, name := range names {
				all[name] = true
			}
		}
		if len(calls) > 5 {
			t.Fatalf("%d calls for %d definitions", len(calls), len(kinds))
		}
		return len(all) >= len(kinds)
	})
	w.eventually("the watch of the object begins", func() bool { _, known := f.Lookup(thing); return known })
	w.create(schema.GroupVersionResource{Group: group, Version: "v1", Resource: "things"}, w.object(group+"/v1", "Thing", "one", nil))
	f.awaken("one", func(s named.Seen) bool { return s.Exists })

	mu.Lock()
	calls = nil
	mu.Unlock()
	patch("KindA", `{"metadata":{"labels":{"a":"b"}}}`)
	patch("KindB", `{"spec":{"names":{"categories":["all"]}}}`)
	w.eventually("a new schema is reported", func() bool {
		mu.Lock()
		defer mu.Unlock()
		if len(calls) > 0 {
			if diff := cmp.Diff([]string{"KindB"}, calls[0]); diff != "" {
				t.Fatal(diff)
			}
		}
		return len(calls) > 0
	})
	mu.Lock()
	calls = nil
	mu.Unlock()
	if err := w.client.Resource(crds).Delete(t.Context(), w.definition("KindC").GetName(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.eventually("a deletion is reported", reported("KindC"))
}
