package apply_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/apply/ignore"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

// around returns the task of applying an object of which paths are ignored.
func (w *world) around(obj *unstructured.Unstructured, paths ...string) apply.Task {
	w.t.Helper()
	rules, err := ignore.Compile([]meta.IgnoreRule{{Paths: paths}}, testowner.NameLabel, testowner.NamespaceLabel)
	if err != nil {
		w.t.Fatal(err)
	}
	task := taskOf(obj)
	task.Ignore = rules.For(obj)
	return task
}

// live reads an object.
func (w *world) live(gvr schema.GroupVersionResource, name string) *unstructured.Unstructured {
	w.t.Helper()
	obj, err := w.client.Resource(gvr).Namespace(w.ns).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return obj
}

// replicas changes the replicas of a Deployment as another client would: by a
// server-side apply, or by an update.
func (w *world) replicas(name, manager string, n int64, applied bool) {
	w.t.Helper()
	objects := w.client.Resource(deployments).Namespace(w.ns)
	if !applied {
		obj := w.live(deployments, name)
		obj.Object["spec"].(fields)["replicas"] = n
		if _, err := objects.Update(w.t.Context(), obj, metav1.UpdateOptions{FieldManager: manager}); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	_, err := objects.Apply(w.t.Context(), name, &unstructured.Unstructured{Object: fields{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": fields{"name": name, "namespace": w.ns}, "spec": fields{"replicas": n},
	}}, metav1.ApplyOptions{FieldManager: manager, Force: true})
	if err != nil {
		w.t.Fatal(err)
	}
}

// managers returns who owns a field of the spec of an object.
func managers(t *testing.T, obj *unstructured.Unstructured, field string) []string {
	t.Helper()
	var found []string
	for _, e := range obj.GetManagedFields() {
		if strings.Contains(string(e.FieldsV1.GetRawBytes()), `"f:`+field+`"`) {
			found = append(found, e.Manager)
		}
	}
	return found
}

func (w *world) spec(name string) (replicas int64, image string) {
	w.t.Helper()
	spec := w.live(deployments, name).Object["spec"].(fields)
	containers := spec["template"].(fields)["spec"].(fields)["containers"].([]any)
	return spec["replicas"].(int64), containers[0].(fields)["image"].(string)
}

// TestIgnore leaves ignored fields as they are, and with whom they are, whatever an
// apply is made for.
func TestIgnore(t *testing.T) {
	const path = "/spec/replicas"
	cases := map[string]struct {
		why      string
		manager  string
		applied  bool
		override string
		owners   []string
	}{
		"Autoscaler": {"somebody wrote another value", "hpa", false, "", []string{"hpa", testowner.Manager}},
		"Applier":    {"somebody applied another value: it is theirs", "vpa", true, "", []string{"vpa"}},
		"TakenOver":  {"the applier is taken over: nobody else would keep the value", "kubectl", true, "", []string{testowner.Manager}},
		"Merge":      {"the applier is not taken over: it is theirs", "kubectl", true, "Merge", []string{"kubectl"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			desired := func(image string) *unstructured.Unstructured {
				obj := w.deployment("web", image)
				if c.override != "" {
					annotate(obj, "ssa", c.override)
				}
				return obj
			}
			if got := w.run(w.around(desired("a:1"), path)).Results[0].Action; got != apply.Created {
				t.Errorf("first: %s", got)
			}
			if n, _ := w.spec("web"); n != 2 {
				t.Errorf("a new object has %d replicas, not the desired 2", n)
			}
			w.replicas("web", c.manager, 5, c.applied)
			w.requests.take()
			report := w.run(w.around(desired("a:2"), path))
			if got := report.Results[0].Action; got != apply.Configured {
				t.Errorf("a new image: %s", got)
			}
			if n, image := w.spec("web"); n != 5 || image != "a:2" {
				t.Errorf("%s: %d replicas, image %s", c.why, n, image)
			}
			if diff := cmp.Diff(c.owners, managers(t, w.live(deployments, "web"), "replicas"), cmp.Transformer("set", asSet)); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
			w.requests.take()
			again := w.run(w.around(desired("a:2"), path)).Results[0]
			if again.Action != apply.Unchanged {
				t.Errorf("once more: %s", again.Action)
			}
			if diff := cmp.Diff(map[string]int{"GET": 1, "PATCH dry-run": 1}, w.requests.take()); diff != "" {
				t.Error(diff)
			}
			if want := w.owner.Fingerprint(w.live(deployments, "web")); again.Fingerprint != want || again.UID == "" {
				t.Errorf("the live fingerprint is not the one that was found: %+v", again)
			}
			drifted := w.around(desired("a:3"), path)
			drifted.Verify = true
			if got := w.run(drifted).Results[0].Action; got != apply.Drifted {
				t.Errorf("something else differs: %s", got)
			}
		})
	}
}

func asSet(names []string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return set
}

// TestIgnoreVerifies makes what is found the expected state, with the live table.
func TestIgnoreVerifies(t *testing.T) {
	w := newWorld(t)
	table := w.withTable()
	task := w.around(w.deployment("web", "a:1"), "/spec/replicas")
	entry := w.run(task).Results[0].Entry(inventory.DesiredDigest{1})
	table.Expect(w.unit, inventory.Of(entry))
	w.eventually("the table is clean", func() bool { return table.Judge(w.unit).Clean() })
	w.replicas("web", "hpa", 7, false)
	w.eventually("the change is seen", func() bool { return !table.Judge(w.unit).Clean() })
	task.Verify = true
	if got := w.run(task).Results[0].Action; got != apply.Unchanged {
		t.Errorf("got %s", got)
	}
	if j := table.Judge(w.unit); !j.Clean() {
		t.Errorf("after the verification: %+v", j)
	}
	missing := w.around(w.deployment("other", "a:1"), "/spec/replicas")
	missing.Verify = true
	if got := w.run(missing).Results[0].Action; got != apply.Missing {
		t.Errorf("an object that is not there: got %s", got)
	}
}

// TestIgnoreCorrects applies for real what a comparison of values would not show:
// the books say that our fields are not ours any more.
func TestIgnoreCorrects(t *testing.T) {
	w := newWorld(t)
	task := w.around(w.deployment("web", "a:1"), "/spec/replicas")
	w.run(task)
	patch := []byte(`{"metadata":{"managedFields":[{}]}}`)
	if _, err := w.client.Resource(deployments).Namespace(w.ns).Patch(t.Context(), "web", "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := w.run(task).Results[0].Action; got != apply.Configured {
		t.Errorf("got %s", got)
	}
	if got := managers(t, w.live(deployments, "web"), "image"); !cmp.Equal(got, []string{testowner.Manager}) {
		t.Errorf("the fields are of %v", got)
	}
}

// TestIgnoreBindsTheApply reads again when somebody writes between the read and
// the apply, so that an adopted value undoes nothing.
func TestIgnoreBindsTheApply(t *testing.T) {
	w := newWorld(t)
	w.run(w.around(w.deployment("web", "a:1"), "/spec/replicas"))
	raced := 0
	w.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if r.Method == http.MethodPatch && raced < 2 {
			raced++
			w.replicas("web", "hpa", int64(10+raced), false)
		}
		return next.RoundTrip(r)
	})
	if got := w.run(w.around(w.deployment("web", "a:2"), "/spec/replicas")).Results[0].Action; got != apply.Configured {
		t.Errorf("got %s", got)
	}
	if n, image := w.spec("web"); n != 12 || image != "a:2" || raced != 2 {
		t.Errorf("%d replicas, image %s, %d writes in between", n, image, raced)
	}
}

// TestIgnoreNothing costs nothing where no rule picks the object.
func TestIgnoreNothing(t *testing.T) {
	w := newWorld(t)
	rules, err := ignore.Compile([]meta.IgnoreRule{{Paths: []string{"/data"}, Target: &meta.Selector{Kind: "Secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	task := taskOf(w.configMap("x", "1"))
	task.Ignore = rules.For(task.Object)
	w.run(task)
	if diff := cmp.Diff(map[string]int{"PATCH dry-run": 1, "PATCH": 1}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
}

// definition applies a definition with two versions of which the second, served
// and stored if v1 says so, has a field that the first has not.
func (w *world) definition(group string, v1 bool) {
	w.t.Helper()
	version := func(name string, served, stored bool, properties fields) fields {
		return fields{"name": name, "served": served, "storage": stored, "schema": fields{"openAPIV3Schema": fields{
			"type": "object", "properties": fields{"spec": fields{"type": "object", "properties": properties}}}}}
	}
	text := fields{"type": "string"}
	obj := w.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "things."+group, fields{"spec": fields{
		"group": group, "scope": "Namespaced",
		"names": fields{"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"},
		"versions": []any{
			version("v1beta1", true, !v1, fields{"same": text}),
			version("v1", v1, v1, fields{"same": text, "new": text}),
		},
	}})
	obj.SetNamespace("")
	w.run(taskOf(obj))
}

// TestMigrateAPIVersion is about a changed storage version: managed fields
// that speak of a version that has not the fields of the new one are rewritten
// first.
func TestMigrateAPIVersion(t *testing.T) {
	w := newWorld(t)
	group := w.ns + ".example.org"
	things := schema.GroupVersionResource{Group: group, Version: "v1", Resource: "things"}
	w.definition(group, false)
	thing := func(version string, spec fields) *unstructured.Unstructured {
		return w.object(group+"/"+version, "Thing", "one", fields{"spec": spec})
	}
	w.run(taskOf(thing("v1beta1", fields{"same": "1"})))
	old := w.client.Resource(schema.GroupVersionResource{Group: group, Version: "v1beta1", Resource: "things"}).Namespace(w.ns)
	if _, err := old.Patch(t.Context(), "one", "application/merge-patch+json", []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	w.definition(group, true)
	wanted := taskOf(thing("v1", fields{"same": "2", "new": "1"}))
	w.eventually("the new version is served", func() bool {
		_, err := w.client.Resource(things).Namespace(w.ns).Get(context.Background(), "one", metav1.GetOptions{})
		return err == nil
	})
	if _, err := w.applier.Run(t.Context(), w.unit, []apply.Task{wanted}); err == nil || !strings.Contains(err.Error(), "not declared in schema") {
		t.Errorf("without the gate: got %v", err)
	}
	w.applierWith(func(o *apply.Options) { o.MigrateAPIVersion = true })
	verify := wanted
	verify.Verify = true
	if got := w.run(verify).Results[0].Action; got != apply.Drifted {
		t.Errorf("a verification: got %s", got)
	}
	if got := w.live(things, "one").GetManagedFields()[0].APIVersion; got != group+"/v1beta1" {
		t.Errorf("a verification wrote: %s", got)
	}
	if got := w.run(wanted).Results[0].Action; got != apply.Configured {
		t.Errorf("got %s", got)
	}
	for _, e := range w.live(things, "one").GetManagedFields() {
		if e.APIVersion != group+"/v1" {
			t.Errorf("%s speaks of %s", e.Manager, e.APIVersion)
		}
	}
	w.requests.take()
	w.run(wanted)
	if diff := cmp.Diff(map[string]int{"PATCH dry-run": 1, "PATCH": 1}, w.requests.take()); diff != "" {
		t.Errorf("what is in order costs more: %s", diff)
	}
}

// TestMigrateWithTakeover does both in one patch.
func TestMigrateWithTakeover(t *testing.T) {
	w := newWorld(t)
	w.applierWith(func(o *apply.Options) { o.MigrateAPIVersion = true })
	group := w.ns + ".example.org"
	things := schema.GroupVersionResource{Group: group, Version: "v1", Resource: "things"}
	w.definition(group, true)
	objects := w.client.Resource(schema.GroupVersionResource{Group: group, Version: "v1beta1", Resource: "things"}).Namespace(w.ns)
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": group + "/v1beta1", "kind": "Thing", "metadata": fields{"name": "one"}, "spec": fields{"same": "0"}}}
	for i, manager := range []string{"kubectl-create", "somebody"} {
		var err error
		if i == 0 {
			_, err = objects.Create(t.Context(), obj, metav1.CreateOptions{FieldManager: manager})
		} else {
			_, err = objects.Patch(t.Context(), "one", "application/merge-patch+json", []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{FieldManager: manager})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.requests.take()
	w.run(taskOf(w.object(group+"/v1", "Thing", "one", fields{"spec": fields{"same": "1"}})))
	if diff := cmp.Diff(map[string]int{"PATCH dry-run": 1, "GET": 1, "PATCH": 2}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, e := range w.live(things, "one").GetManagedFields() {
		got = append(got, fmt.Sprintf("%s %s %s", e.Manager, e.Operation, strings.TrimPrefix(e.APIVersion, group)))
	}
	if diff := cmp.Diff([]string{testowner.Manager + " Apply /v1", "somebody Update /v1"}, got); diff != "" {
		t.Error(diff)
	}
}
