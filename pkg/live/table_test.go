package live_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
)

// TestRefresh reads the present state without waiting for the watch, however
// many ask.
func TestRefresh(t *testing.T) {
	w := newWorld(t)
	entry := w.apply(configMaps, w.configMap())
	w.synced(w.table, entry)
	obj := must(w.client.Resource(configMaps).Namespace(w.ns).Get(t.Context(), entry.Name, metav1.GetOptions{}))(t)
	obj.Object["data"] = fields{"a": "changed"}
	must(w.client.Resource(configMaps).Namespace(w.ns).Update(t.Context(), obj, metav1.UpdateOptions{FieldManager: "somebody"}))(t)
	answers := make(chan error, 10)
	since := time.Now()
	for range cap(answers) {
		w.table.Refresh([]schema.GroupKind{entry.GroupKind()}, since, func(err error) { answers <- err })
	}
	for range cap(answers) {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
		if got := w.state(entry.ID); got != drift.Dirty {
			t.Errorf("after the refresh: got %s, want Dirty", got)
		}
	}
}

func TestRefreshOfATableAtRest(t *testing.T) {
	table := must(live.New(optionsFor(t, testEnv.Config())))(t)
	var got error
	table.Refresh(nil, time.Now(), func(err error) { got = err })
	if !errors.Is(got, live.ErrNotStarted) {
		t.Errorf("got %v", got)
	}
}

// TestInFlight defers judgement from the announcement of an apply until its
// answer.
func TestInFlight(t *testing.T) {
	w := newWorld(t)
	entry := w.apply(configMaps, w.configMap())
	w.synced(w.table, entry)
	first := w.table.Applying(w.unit, entry.ID)
	w.edit(configMaps, entry.ID, "somebody", func(obj fields) { obj["data"] = fields{"a": "9"} })
	if got := w.state(entry.ID); got != drift.Clean {
		t.Errorf("while an apply is in flight: got %s", got)
	}
	first(nil, errors.New("refused"))
	if got := w.state(entry.ID); got != drift.Dirty {
		t.Errorf("after the apply failed: got %s", got)
	}
	w.apply(configMaps, w.configMap())
	if got := w.state(entry.ID); got != drift.Clean {
		t.Errorf("after the correction: got %s", got)
	}
	// An old ledger must not undo what this process learned.
	w.table.Expect(w.unit, inventory.Of(entry))
	if got := w.state(entry.ID); got != drift.Clean {
		t.Errorf("after the old ledger was declared again: got %s", got)
	}
}

// TestOrphans finds what was applied and not recorded, and lets it be claimed.
func TestOrphans(t *testing.T) {
	w := newWorld(t)
	recorded := w.apply(configMaps, w.configMap())
	orphan := w.configMap()
	orphan.SetName("orphan")
	lost := w.apply(configMaps, orphan)

	restarted := w.start()
	w.synced(restarted, recorded)
	var names []string
	for _, o := range restarted.Orphans(w.unit) {
		names = append(names, o.ID.Name)
	}
	if diff := cmp.Diff([]string{"orphan"}, names); diff != "" {
		t.Error(diff)
	}
	if got := restarted.Metrics(); got.Dropped == 0 || got.Watches != 1 {
		t.Errorf("got %+v", got)
	}
	w.synced(restarted, recorded, lost)
	if j := restarted.Judge(w.unit); !j.Clean() {
		t.Errorf("claimed later: got %+v", j)
	}
	restarted.Forget(w.unit)
	if got := restarted.Metrics(); got != (live.Sizes{}) {
		t.Errorf("after the unit was forgotten: got %+v", got)
	}
}

// TestUnwatched gets a state that says so where the watch is forbidden.
func TestUnwatched(t *testing.T) {
	w := newWorld(t)
	entry := w.apply(configMaps, w.configMap())
	options := optionsFor(t, testEnv.Config())
	options.Metadata = optionsFor(t, must(testEnv.ConfigFor("nobody"))(t)).Metadata
	w.options = options
	table := w.start()
	w.synced(table, entry)
	if got := table.Judge(w.unit).Objects[entry.ID].State; got != drift.Unwatched {
		t.Errorf("got %s", got)
	}
	if _, ok := table.Lookup(entry.ID); ok {
		t.Error("an object is seen although its kind is not watched")
	}
}

// TestAwait wakes for every change of an awaited object, whoever made it.
func TestAwait(t *testing.T) {
	w := newWorld(t)
	entry := w.apply(deployments, w.deployment())
	w.synced(w.table, entry)
	absent := inventory.ID{Namespace: w.ns, Name: "absent", Kind: "ConfigMap"}
	if diff := cmp.Diff([]inventory.ID{absent}, w.table.Await(w.unit, []inventory.ID{entry.ID, absent})); diff != "" {
		t.Error(diff)
	}
	w.patch(deployments, entry.ID, "somebody", `{"status":{"replicas":1}}`, "status")
	w.eventually("the unit is woken", func() bool { return w.woken(live.CauseHealth) })
}

// TestDefinitionComesBack follows a kind through the loss of its definition.
func TestDefinitionComesBack(t *testing.T) {
	w := newWorld(t)
	group := w.ns + ".example.org"
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	definition := &unstructured.Unstructured{Object: fields{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": fields{"name": "things." + group},
		"spec": fields{
			"group": group, "scope": "Namespaced",
			"names": fields{"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"},
			"versions": []any{fields{"name": "v1", "served": true, "storage": true, "schema": fields{
				"openAPIV3Schema": fields{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
		},
	}}
	things := schema.GroupVersionResource{Group: group, Version: "v1", Resource: "things"}
	id := inventory.ID{Namespace: w.ns, Name: "one", Group: group, Kind: "Thing"}
	w.synced(w.table, inventory.Entry{ID: id, Version: "v1"})
	if got := w.state(id); got != drift.Gone {
		t.Errorf("what was applied is gone with its definition: got %s", got)
	}
	for range 2 {
		must(w.client.Resource(crds).Create(t.Context(), definition.DeepCopy(), metav1.CreateOptions{}))(t)
		thing := w.object(group+"/v1", "Thing", "one", nil)
		w.eventually("the kind is served", func() bool {
			_, err := w.client.Resource(things).Namespace(w.ns).Create(t.Context(), thing, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			return err == nil
		})
		w.options.Mapper.(interface{ Reset() }).Reset()
		entry := w.apply(things, thing)
		w.synced(w.table, entry)
		w.eventually("the object is seen", func() bool { _, ok := w.table.Lookup(id); return ok && w.state(id) == drift.Clean })

		if err := w.client.Resource(crds).Delete(t.Context(), definition.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.eventually("the loss is noticed", func() bool { return w.state(id) != drift.Clean })
		w.eventually("the definition is gone", func() bool {
			_, err := w.client.Resource(crds).Get(t.Context(), definition.GetName(), metav1.GetOptions{})
			return err != nil
		})
		w.eventually("the object is gone with it", func() bool { return w.state(id) == drift.Gone })
	}
}
