package live_test

import (
	"context"
	"maps"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

func containers(obj fields) []any {
	list, _, err := unstructured.NestedFieldNoCopy(obj, "spec", "template", "spec", "containers")
	if err != nil {
		panic(err)
	}
	return list.([]any)
}

// driftCase is something done to an object, and what is to be made of it.
type driftCase struct {
	why       string
	configMap bool
	do        func(*world, inventory.ID)
	want      drift.State
}

const other = "somebody"

func deploy(manager string, change func(fields)) func(*world, inventory.ID) {
	return func(w *world, id inventory.ID) { w.edit(deployments, id, manager, change) }
}

func config(manager string, change func(fields)) func(*world, inventory.ID) {
	return func(w *world, id inventory.ID) { w.edit(configMaps, id, manager, change) }
}

// setMeta sets a field of the metadata.
func setMeta(value any, path ...string) func(fields) {
	return func(obj fields) {
		if err := unstructured.SetNestedField(obj, value, append([]string{"metadata"}, path...)...); err != nil {
			panic(err)
		}
	}
}

func label(name, value string) func(fields) { return setMeta(value, "labels", name) }

// fieldCases change fields.
func fieldCases() map[string]driftCase {
	return map[string]driftCase{
		"Nothing": {"nobody touched it", false, func(*world, inventory.ID) {}, drift.Clean},
		"StatusWrite": {"a status is not ours", false, func(w *world, id inventory.ID) {
			w.patch(deployments, id, other, `{"status":{"replicas":1}}`, "status")
		}, drift.Clean},
		"OthersLabel": {"fields of others do not concern us", false, deploy(other, label("example.org/note", "x")), drift.Clean},
		"OthersKey":   {"a kind without generations cannot tell whose field changed", true, config(other, func(obj fields) { obj["data"].(fields)["c"] = "3" }), drift.Suspect},
		"OthersSpec":  {"a field we do not set moves the generation", false, deploy(other, func(obj fields) { obj["spec"].(fields)["minReadySeconds"] = int64(3) }), drift.Suspect},
		"Scale":       {"replicas are ours", false, func(w *world, id inventory.ID) { w.scale(id, 5) }, drift.Dirty},
		"Image":       {"the image is ours", false, deploy(other, func(obj fields) { containers(obj)[0].(fields)["image"] = "web:2" }), drift.Dirty},
		"RemovedValue": {"a key we set is gone", true, config(other, func(obj fields) {
			delete(obj["data"].(fields), "a")
		}), drift.Dirty},
		"ClearedMap": {"all keys we set are gone", true, config(other, func(obj fields) { delete(obj, "data") }), drift.Dirty},
		"ChangedAndRestored": {"the value is right again and belongs to somebody else", true, func(w *world, id inventory.ID) {
			w.edit(configMaps, id, other, func(obj fields) { obj["data"].(fields)["a"] = "x" })
			w.edit(configMaps, id, other, func(obj fields) { obj["data"].(fields)["a"] = "1" })
		}, drift.Dirty},
	}
}

// objectCases change lists, managers, policies, or the object as a whole.
func objectCases() map[string]driftCase {
	return map[string]driftCase{
		"AtomicList":    {"the order of arguments is their meaning", false, deploy(other, func(obj fields) { containers(obj)[0].(fields)["args"] = []any{"b", "a"} }), drift.Dirty},
		"ReorderedList": {"the order of containers is nobody's field", false, deploy(other, func(obj fields) { c := containers(obj); c[0], c[1] = c[1], c[0] }), drift.Suspect},
		"OwnName":       {"an update under our name is not our apply", false, deploy(testowner.Manager, func(obj fields) { containers(obj)[0].(fields)["image"] = "web:2" }), drift.Dirty},
		"KubectlLabel":  {"kubectl's fields are taken over, later", false, deploy("kubectl-label", label("example.org/note", "x")), drift.TakeoverDue},
		"RolloutRestart": {"a dry-run finds nothing, and the takeover waits", false, func(w *world, id inventory.ID) {
			w.edit(deployments, id, "kubectl-rollout", func(obj fields) {
				if err := unstructured.SetNestedField(obj, "now", "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"); err != nil {
					panic(err)
				}
			})
			if got := w.state(id); got != drift.Suspect {
				w.t.Errorf("before it is verified: got %s", got)
			}
			seen, _ := w.table.Lookup(id)
			w.table.Verified(w.unit, id, seen.Fingerprint)
		}, drift.TakeoverDue},
		"Merge": {"ssa: Merge leaves the fields of others", false, deploy("kubectl-label", label(testowner.Prefix+"ssa", "Merge")), drift.Clean},
		"Excluded": {"reconcile: disabled keeps us away", false, deploy(other, func(obj fields) {
			setMeta(fields{testowner.Prefix + "reconcile": "Disabled"}, "annotations")(obj)
			containers(obj)[0].(fields)["image"] = "web:2"
		}), drift.Clean},
		"StrippedManagers": {"without managedFields our entry is missing", false, deploy(other, setMeta([]any{fields{}}, "managedFields")), drift.Dirty},
		"Deleted": {"it is not seen any more", true, func(w *world, id inventory.ID) {
			w.delete(id)
			w.vanished(id)
		}, drift.Gone},
		"LabelRemoved": {"it looks deleted, and only a GET can tell", true, func(w *world, id inventory.ID) {
			obj := must(w.client.Resource(configMaps).Namespace(w.ns).Get(w.t.Context(), id.Name, metav1.GetOptions{}))(w.t)
			obj.SetLabels(nil)
			must(w.client.Resource(configMaps).Namespace(w.ns).Update(w.t.Context(), obj, metav1.UpdateOptions{FieldManager: other}))(w.t)
			w.vanished(id)
		}, drift.Gone},
		"Replaced": {"another object has the name, with labels that claim it is ours", true, func(w *world, id inventory.ID) {
			w.delete(id)
			answer := must(w.client.Resource(configMaps).Namespace(w.ns).Create(w.t.Context(), w.configMap(), metav1.CreateOptions{}))(w.t)
			w.seen(id, answer)
		}, drift.Gone},
		"Terminating": {"it is being deleted", true, func(w *world, id inventory.ID) {
			w.edit(configMaps, id, other, setMeta([]any{"example.org/hold"}, "finalizers"))
			w.delete(id)
			w.eventually("the deletion mark is seen", func() bool { seen, _ := w.table.Lookup(id); return seen.Deleting })
			w.t.Cleanup(func() {
				_, err := w.client.Resource(configMaps).Namespace(w.ns).Patch(context.Background(), id.Name, "application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
				_ = err // the test is over; the server is discarded
			})
		}, drift.Terminating},
		"Foreign": {"its labels name another unit", true, config(other, setMeta(fields{testowner.NameLabel: "else", testowner.NamespaceLabel: "where"}, "labels")), drift.Foreign},
	}
}

// TestDrift is the table of ENGINE section 4, row by row, against the API
// server.
func TestDrift(t *testing.T) {
	cases := fieldCases()
	maps.Copy(cases, objectCases())
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			gvr, obj := deployments, w.deployment()
			if c.configMap {
				gvr, obj = configMaps, w.configMap()
			}
			entry := w.apply(gvr, obj)
			w.synced(w.table, entry)
			if got := w.state(entry.ID); got != drift.Clean {
				t.Fatalf("right after the apply: got %s", got)
			}
			w.forgetWakes()
			c.do(w, entry.ID)
			if got := w.state(entry.ID); got != c.want {
				t.Errorf("%s: got %s, want %s", c.why, got, c.want)
			}
			switch c.want {
			case drift.Dirty:
				w.eventually("the unit is woken", func() bool { return w.woken(live.CauseDirty) })
			case drift.Gone:
				w.eventually("the unit is woken", func() bool { return w.woken(live.CauseGone) })
			case drift.Suspect:
				w.eventually("the unit is woken", func() bool { return w.woken(live.CauseSuspect) })
			}

			// A process that starts now comes to the same view from the ledger, less
			// the UID, which only an answer can tell.
			restarted := w.start()
			w.synced(restarted, entry)
			want := c.want
			if name == "Replaced" {
				want = drift.Dirty
			}
			if name == "RolloutRestart" {
				want = drift.Suspect
			}
			if got := restarted.Judge(w.unit).Objects[entry.ID].State; got != want {
				t.Errorf("after a restart: got %s, want %s", got, want)
			}
		})
	}
}

func (w *world) scale(id inventory.ID, replicas int64) {
	w.t.Helper()
	objects := w.client.Resource(deployments).Namespace(w.ns)
	scale := must(objects.Get(w.t.Context(), id.Name, metav1.GetOptions{}, "scale"))(w.t)
	if err := unstructured.SetNestedField(scale.Object, replicas, "spec", "replicas"); err != nil {
		w.t.Fatal(err)
	}
	must(objects.Update(w.t.Context(), scale, metav1.UpdateOptions{FieldManager: "scaler"}, "scale"))(w.t)
	w.seen(id, must(objects.Get(w.t.Context(), id.Name, metav1.GetOptions{}))(w.t))
}

func (w *world) delete(id inventory.ID) {
	w.t.Helper()
	if err := w.client.Resource(configMaps).Namespace(w.ns).Delete(w.t.Context(), id.Name, metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) vanished(id inventory.ID) {
	w.t.Helper()
	w.eventually("the object is not seen", func() bool { _, ok := w.table.Lookup(id); return !ok })
}
