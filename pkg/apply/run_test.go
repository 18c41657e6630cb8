package apply_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

// TestRequests counts: N objects are N dry-runs and N applies, and one known
// object is one apply.
func TestRequests(t *testing.T) {
	w := newWorld(t)
	three := tasksOf(w.configMap("a", "1"), w.configMap("b", "1"), w.configMap("c", "1"))
	report := w.run(three...)
	if diff := cmp.Diff(map[string]apply.Action{"ConfigMap/a": apply.Created, "ConfigMap/b": apply.Created, "ConfigMap/c": apply.Created}, actions(report)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"PATCH dry-run": 3, "PATCH": 3}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
	if got := report.Results[0]; got.UID == "" || got.Fingerprint == (inventory.Fingerprint{}) || got.Version != "v1" {
		t.Errorf("nothing to be recorded: %+v", got)
	}
	one := taskOf(w.configMap("a", "2"))
	one.Known = true
	if diff := cmp.Diff(map[string]apply.Action{"ConfigMap/a": apply.Configured}, actions(w.run(one))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"PATCH": 1}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]apply.Action{"ConfigMap/a": apply.Unchanged}, actions(w.run(tasksOf(w.configMap("a", "2"))...))); diff != "" {
		t.Error(diff)
	}
}

// TestAllOrNothing applies nothing of a stage in which one object is refused,
// names every refused object, and keeps what an earlier stage did.
func TestAllOrNothing(t *testing.T) {
	w := newWorld(t)
	role := w.object("rbac.authorization.k8s.io/v1", "ClusterRole", w.ns, fields{"rules": []any{}})
	role.SetNamespace("")
	bad := w.object("v1", "Service", "bad", fields{"spec": fields{"ports": []any{fields{"port": int64(99999)}}}})
	lost := w.configMap("lost", "1")
	lost.SetNamespace("not-there")
	homeless := w.configMap("homeless", "1")
	homeless.SetNamespace("")
	unknown := w.object("example.org/v1", "Nothing", "x", nil)
	report, err := w.applier.Run(t.Context(), w.unit, tasksOf(w.configMap("good", "1"), bad, lost, homeless, unknown, role))
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, want := range []string{
		"Service/" + w.ns + "/bad dry-run failed (Invalid): ",
		"ConfigMap/not-there/lost not found: ",
		"ConfigMap/homeless namespace not specified: ",
		"Nothing/" + w.ns + "/x not found: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "good") {
		t.Errorf("got %q, which names an object that is in order", err)
	}
	if _, ok := w.data("good"); ok {
		t.Error("an object of the refused stage was applied")
	}
	if diff := cmp.Diff(map[string]apply.Action{"ClusterRole/" + w.ns: apply.Created}, actions(report)); diff != "" {
		t.Error(diff)
	}
	single := taskOf(bad)
	single.Known = true
	_, err = w.applier.Run(t.Context(), w.unit, []apply.Task{single})
	if err == nil || !strings.HasPrefix(err.Error(), "Service/"+w.ns+"/bad dry-run failed (Invalid): ") {
		t.Errorf("without a dry-run: got %v", err)
	}
}

// TestEarlierStage validates objects after the stage that makes room for them.
func TestEarlierStage(t *testing.T) {
	w := newWorld(t)
	group := w.ns + ".example.org"
	definition := w.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "things."+group, fields{"spec": fields{
		"group": group, "scope": "Namespaced",
		"names": fields{"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"},
		"versions": []any{fields{"name": "v1", "served": true, "storage": true, "schema": fields{
			"openAPIV3Schema": fields{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
	}})
	definition.SetNamespace("")
	space := w.object("v1", "Namespace", w.ns+"-inner", nil)
	space.SetNamespace("")
	thing := w.object(group+"/v1", "Thing", "one", nil)
	thing.SetNamespace(w.ns + "-inner")
	report := w.run(tasksOf(thing, definition, space)...)
	want := map[string]apply.Action{
		"CustomResourceDefinition/things." + group: apply.Created, "Namespace/" + w.ns + "-inner": apply.Created, "Thing/one": apply.Created,
	}
	if diff := cmp.Diff(want, actions(report)); diff != "" {
		t.Error(diff)
	}
}

// TestPolicies keeps away from objects whose policies say so, on either side.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	w.run(tasksOf(w.configMap("live", "1"), annotate(w.configMap("once", "1"), "ssa", "IfNotPresent"))...)
	w.edit("live", "somebody", func(obj *unstructured.Unstructured) { annotate(obj, "reconcile", "disabled") })
	w.requests.take()
	report := w.run(tasksOf(
		w.configMap("live", "2"),
		annotate(w.configMap("once", "2"), "ssa", "IfNotPresent"),
		annotate(w.configMap("desired", "2"), "ssa", "Ignore"),
	)...)
	want := map[string]apply.Action{"ConfigMap/live": apply.Skipped, "ConfigMap/once": apply.Skipped, "ConfigMap/desired": apply.Skipped}
	if diff := cmp.Diff(want, actions(report)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"PATCH dry-run": 1, "POST dry-run": 1}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"live", "once"} {
		if got, _ := w.data(name); got["a"] != "1" {
			t.Errorf("%s was changed: %v", name, got)
		}
	}
}

// TestTakeover removes fields that kubectl set, unless ssa: Merge, and leaves
// those of others.
func TestTakeover(t *testing.T) {
	cases := map[string]struct {
		why, manager, ssa string
		kept              bool
	}{
		"Kubectl": {"kubectl's field is not in the source", "kubectl-edit", "", false},
		"Other":   {"others may add fields", "somebody", "", true},
		"Merge":   {"the object asks for it", "kubectl-edit", "Merge", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			obj := w.configMap("x", "1")
			if c.ssa != "" {
				annotate(obj, "ssa", c.ssa)
			}
			w.run(tasksOf(obj)...)
			w.edit("x", c.manager, func(obj *unstructured.Unstructured) {
				obj.Object["data"].(fields)["b"] = "2"
				annotations := obj.GetAnnotations()
				if annotations == nil {
					annotations = map[string]string{}
				}
				if c.manager != "somebody" {
					annotations["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
				}
				obj.SetAnnotations(annotations)
			})
			w.run(tasksOf(obj)...)
			got, _ := w.data("x")
			if _, kept := got["b"]; kept != c.kept {
				t.Errorf("%s: got %v", c.why, got)
			}
			if c.kept {
				return
			}
			w.requests.take()
			again := w.run(tasksOf(obj)...)
			if again.Results[0].Action != apply.Unchanged {
				t.Errorf("once more: %s", again.Results[0].Action)
			}
			if diff := cmp.Diff(map[string]int{"PATCH dry-run": 1, "PATCH": 1}, w.requests.take()); diff != "" {
				t.Errorf("the takeover is not at an end: %s", diff)
			}
		})
	}
}

// TestForce replaces what cannot be changed, only when asked to, and only by
// something that will be accepted.
func TestForce(t *testing.T) {
	w := newWorld(t)
	fixed := func(value string) *unstructured.Unstructured {
		return w.object("v1", "ConfigMap", "fixed", fields{"immutable": true, "data": fields{"a": value}})
	}
	w.run(tasksOf(fixed("1"))...)
	if _, err := w.applier.Run(t.Context(), w.unit, tasksOf(fixed("2"))); err == nil || !strings.Contains(err.Error(), "dry-run failed (Invalid)") {
		t.Errorf("without force: got %v", err)
	}
	before := w.uid("fixed")
	refused := fixed("2")
	refused.SetLabels(map[string]string{"not a label!": "x"})
	task := taskOf(refused)
	task.Force = true
	if _, err := w.applier.Run(t.Context(), w.unit, []apply.Task{task}); err == nil {
		t.Error("a replacement that is not valid was accepted")
	}
	if got := w.uid("fixed"); got != before {
		t.Error("the object was deleted for a replacement that is not valid")
	}
	w.run(tasksOf(annotate(fixed("2"), "force", "Enabled"))...)
	if got, _ := w.data("fixed"); got["a"] != "2" || w.uid("fixed") == before {
		t.Errorf("with force: got %v", got)
	}
}

// TestVerify finds drift by a dry-run, changes nothing, and says so.
func TestVerify(t *testing.T) {
	w := newWorld(t)
	w.run(tasksOf(w.configMap("same", "1"), w.configMap("changed", "1"))...)
	w.edit("same", "somebody", func(obj *unstructured.Unstructured) { obj.Object["data"].(fields)["b"] = "2" })
	w.edit("changed", "somebody", func(obj *unstructured.Unstructured) { obj.Object["data"].(fields)["a"] = "2" })
	tasks := tasksOf(w.configMap("same", "1"), w.configMap("changed", "1"), w.configMap("absent", "1"))
	for i := range tasks {
		tasks[i].Verify = true
	}
	want := map[string]apply.Action{"ConfigMap/same": apply.Unchanged, "ConfigMap/changed": apply.Drifted, "ConfigMap/absent": apply.Missing}
	if diff := cmp.Diff(want, actions(w.run(tasks...))); diff != "" {
		t.Error(diff)
	}
	if got, _ := w.data("changed"); got["a"] != "2" {
		t.Error("a verification changed the object")
	}
}

// TestSecretsStaySecret keeps values out of what is said about a refused Secret.
func TestSecretsStaySecret(t *testing.T) {
	const canary = "canary-value"
	w := newWorld(t)
	secret := w.object("v1", "Secret", "s", fields{"stringData": fields{"a": "b"}})
	secret.Object["data"] = fields{"a": canary + "!"}
	wrong := w.object("v1", "Secret", "t", nil)
	wrong.Object["type"] = []any{canary}
	_, err := w.applier.Run(t.Context(), w.unit, tasksOf(secret, wrong))
	if err == nil {
		t.Fatal("it was accepted")
	}
	if strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "Secret/"+w.ns+"/s dry-run failed") {
		t.Errorf("got %q", err)
	}
}

// TestDelete deletes what is ours and lets go of the rest.
func TestDelete(t *testing.T) {
	cases := map[string]struct {
		why  string
		edit func(*unstructured.Unstructured)
		uid  string
		want apply.DeleteResult
		left bool
	}{
		"Ours":       {"nothing keeps it", nil, "", apply.Deleted, false},
		"Labels":     {"the labels are gone", func(o *unstructured.Unstructured) { o.SetLabels(nil) }, "", apply.Released, true},
		"Prune":      {"the live object forbids it", func(o *unstructured.Unstructured) { annotate(o, "prune", "disabled") }, "", apply.Released, true},
		"Reconcile":  {"the live object forbids it", func(o *unstructured.Unstructured) { annotate(o, "reconcile", "disabled") }, "", apply.Released, true},
		"OtherUID":   {"it is another object", nil, "another", apply.Released, true},
		"Finalizers": {"somebody has to see to it first", func(o *unstructured.Unstructured) { o.SetFinalizers([]string{"example.org/hold"}) }, "", apply.Accepted, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.run(tasksOf(w.configMap("x", "1"))...)
			if c.edit != nil {
				w.edit("x", "somebody", c.edit)
			}
			target := w.target("x")
			target.UID = "" // filled below where the case wants one
			if c.uid != "" {
				target.UID = "another"
			}
			got, err := w.remove(t.Context(), w.unit, target)
			if err != nil || got != c.want {
				t.Errorf("%s: got %s, %v", c.why, got, err)
			}
			if _, left := w.data("x"); left != c.left {
				t.Errorf("%s: left %t", c.why, left)
			}
			if c.want != apply.Accepted {
				return
			}
			if again, err := w.remove(t.Context(), w.unit, target); err != nil || again != apply.Terminating {
				t.Errorf("%s: the second time: got %s, %v", c.why, again, err)
			}
		})
	}
	w := newWorld(t)
	if got, err := w.remove(t.Context(), live.Unit{}, w.target("absent")); err != nil || got != apply.Absent {
		t.Errorf("absent: got %s, %v", got, err)
	}
	other := w.target("absent")
	other.Version = "v0"
	if got, err := w.remove(t.Context(), w.unit, other); err != nil || got != apply.Absent {
		t.Errorf("a version that is not served: got %s, %v", got, err)
	}
	for name, want := range map[string]bool{"gone.example.org": true, "apps": true, "": false} {
		undefined := apply.Deletion{ID: inventory.ID{Namespace: w.ns, Name: "x", Group: name, Kind: "Nothing"}, Version: "v1"}
		if got, err := w.remove(t.Context(), w.unit, undefined); (err == nil && got == apply.Absent) != want {
			t.Errorf("a kind that group %q has not: got %s, %v", name, got, err)
		}
	}
}

// TestForceAndWhatGoesAlong replaces what takes data or other objects along only when the
// object itself says so: spec.force of a unit is about all its objects, and one changed
// field of a claim must not cost its data.
func TestForceAndWhatGoesAlong(t *testing.T) {
	w := newWorld(t)
	claim := func(class string) *unstructured.Unstructured {
		return w.object("v1", "PersistentVolumeClaim", "data", fields{"spec": fields{
			"storageClassName": class, "accessModes": []any{"ReadWriteOnce"}, "resources": fields{"requests": fields{"storage": "1Gi"}},
		}})
	}
	set := func(name, service, whenDeleted string) *unstructured.Unstructured {
		labels := fields{"app": "x"}
		return w.object("apps/v1", "StatefulSet", name, fields{"spec": fields{
			"serviceName": service, "selector": fields{"matchLabels": labels},
			"persistentVolumeClaimRetentionPolicy": fields{"whenDeleted": whenDeleted, "whenScaled": "Retain"},
			"template":                             fields{"metadata": fields{"labels": labels}, "spec": fields{"containers": []any{fields{"name": "c", "image": "i"}}}},
		}})
	}
	cases := map[string]struct {
		why           string
		before, after *unstructured.Unstructured
		replaced      bool
	}{
		"Claim":         {"the data of a claim goes with it", claim("a"), claim("b"), false},
		"ClaimOfClaims": {"the claims go with a set that says so", set("held", "a", "Delete"), set("held", "b", "Delete"), false},
		"Set":           {"they stay where it does not", set("free", "a", "Retain"), set("free", "b", "Retain"), true},
		"Consent":       {"the object itself says so", set("given", "a", "Delete"), annotate(set("given", "b", "Delete"), "force", "Enabled"), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w.run(tasksOf(c.before)...)
			task := taskOf(c.after)
			task.Force = true
			_, err := w.applier.Run(t.Context(), w.unit, []apply.Task{task})
			switch {
			case c.replaced && err != nil:
				t.Errorf("%s: %v", c.why, err)
			case !c.replaced && (err == nil || !strings.Contains(err.Error(), "annotate it with "+testowner.Prefix+"force=enabled")):
				t.Errorf("%s: got %v", c.why, err)
			}
		})
	}
}
