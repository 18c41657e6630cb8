package apply_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/metadata"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
)

// withTable gives the world an applier that knows a live table.
func (w *world) withTable() *live.Table {
	w.t.Helper()
	client, err := metadata.NewForConfig(testEnv.Config())
	if err != nil {
		w.t.Fatal(err)
	}
	table, err := live.New(live.Options{
		Metadata: client, Mapper: w.options.Mapper, Owner: w.owner, Log: logr.Discard(), Wake: func(live.Unit, live.Cause) {}})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- table.Start(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	w.options.Table = table
	if w.applier, err = apply.New(w.options); err != nil {
		w.t.Fatal(err)
	}
	return table
}

func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			w.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestCorrection follows an object from its creation through a hand edit to its
// deletion, with the live table.
func TestCorrection(t *testing.T) {
	w := newWorld(t)
	table := w.withTable()
	service := w.object("v1", "ConfigMap", "x", fields{"data": fields{"a": "1"}})
	entry := w.run(tasksOf(service)...).Results[0].Entry(inventory.DesiredDigest{1})
	table.Expect(w.unit, inventory.Of(entry))
	w.eventually("the table is clean", func() bool { return table.Judge(w.unit).Clean() })

	w.edit("x", "somebody", func(obj *unstructured.Unstructured) { obj.Object["data"] = fields{"a": "2"} })
	w.eventually("the edit is seen", func() bool { return table.Judge(w.unit).Objects[entry.ID].State == drift.Dirty })
	w.requests.take()
	fix := taskOf(service)
	if fix.Known = table.Known(w.unit, entry.ID); !fix.Known {
		t.Error("the object is not known to be ours")
	}
	w.run(fix)
	if diff := cmp.Diff(map[string]int{"PATCH": 1}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
	if j := table.Judge(w.unit); !j.Clean() {
		t.Errorf("after the correction: %+v", j)
	}

	w.edit("x", "somebody", func(obj *unstructured.Unstructured) { obj.Object["data"].(fields)["b"] = "2" })
	w.eventually("the addition is seen", func() bool { return table.Judge(w.unit).Objects[entry.ID].State == drift.Suspect })
	check := taskOf(service)
	check.Verify = true
	if got := w.run(check).Results[0]; got.Action != apply.Unchanged {
		t.Errorf("the addition: got %s", got.Action)
	}
	if j := table.Judge(w.unit); !j.Clean() {
		t.Errorf("after the verification: %+v", j)
	}

	w.requests.take()
	got, err := w.remove(t.Context(), w.unit, w.target("x"))
	if err != nil || got != apply.Deleted {
		t.Errorf("got %s, %v", got, err)
	}
	if diff := cmp.Diff(map[string]int{"DELETE": 1}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
}

// TestVerifyByGeneration needs no read where the table has seen the object.
func TestVerifyByGeneration(t *testing.T) {
	w := newWorld(t)
	table := w.withTable()
	claim := w.object("networking.k8s.io/v1", "NetworkPolicy", "x", fields{"spec": fields{"podSelector": fields{}, "policyTypes": []any{"Egress"}}})
	entry := w.run(tasksOf(claim)...).Results[0].Entry(inventory.DesiredDigest{1})
	table.Expect(w.unit, inventory.Of(entry))
	w.eventually("the table is clean", func() bool { return table.Judge(w.unit).Clean() })
	task := taskOf(claim)
	task.Verify = true
	w.requests.take()
	if got := w.run(task).Results[0].Action; got != apply.Unchanged {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff(map[string]int{"PATCH dry-run": 1}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
	policies := w.client.Resource(networkPolicies).Namespace(w.ns)
	obj, err := policies.Get(t.Context(), "x", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	obj.Object["spec"].(fields)["policyTypes"] = []any{"Ingress"}
	changed, err := policies.Update(t.Context(), obj, metav1.UpdateOptions{FieldManager: "somebody"})
	if err != nil {
		t.Fatal(err)
	}
	w.eventually("the change is seen", func() bool {
		seen, _ := table.Lookup(entry.ID)
		return seen.ResourceVersion == changed.GetResourceVersion()
	})
	if got := w.run(task).Results[0].Action; got != apply.Drifted {
		t.Errorf("after a change: got %s", got)
	}
}

// TestDeleteStale decides anew when the object is not the one that memory knows.
func TestDeleteStale(t *testing.T) {
	w := newWorld(t)
	table := w.withTable()
	entry := w.run(tasksOf(w.configMap("x", "1"))...).Results[0].Entry(inventory.DesiredDigest{1})
	table.Expect(w.unit, inventory.Of(entry))
	w.eventually("the object is seen", func() bool { _, ok := table.Lookup(entry.ID); return ok })
	w.edit("x", "somebody", func(obj *unstructured.Unstructured) { annotate(obj, "prune", "disabled") })
	got, err := w.remove(t.Context(), w.unit, w.target("x"))
	if err != nil || got != apply.Released {
		t.Errorf("got %s, %v", got, err)
	}
	if _, left := w.data("x"); !left {
		t.Error("an object that forbids it was deleted")
	}
}
