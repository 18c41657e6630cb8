package apply_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply"
)

// podsOf is the specification of a Deployment with one container.
func podsOf(extra, container fields) fields {
	c := fields{"name": "c", "image": "i"}
	for name, value := range container {
		c[name] = value
	}
	spec := fields{
		"selector": fields{"matchLabels": fields{"a": "b"}},
		"template": fields{"metadata": fields{"labels": fields{"a": "b"}}, "spec": fields{"containers": []any{c}}},
	}
	for name, value := range extra {
		spec[name] = value
	}
	return fields{"spec": spec}
}

// TestUnknownFields leaves out of an object what the API server does not have, names
// it, and needs a dry-run more for it. The rest is applied.
func TestUnknownFields(t *testing.T) {
	cases := map[string]struct {
		why      string
		content  fields
		change   func(w *world, task *apply.Task)
		dropped  []string
		requests map[string]int
	}{
		"None": {"nothing to leave out", podsOf(nil, nil), nil, nil,
			map[string]int{"PATCH dry-run": 1, "PATCH": 1}},
		"One": {"a misspelt field", podsOf(fields{"replica": int64(3)}, nil), nil, []string{".spec.replica"},
			map[string]int{"PATCH dry-run": 2, "PATCH": 1}},
		"Nested": {"fields at several places", podsOf(nil, fields{"imag": "x", "ports": []any{fields{"containerPort": int64(80), "bad": "x"}}}), nil,
			[]string{`.spec.template.spec.containers[name="c"].imag`, `.spec.template.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"].bad`}, nil},
		"Many": {"the server names one of each map at a time", podsOf(fields{"a": "x", "b": "x", "c": "x", "d": "x", "e": "x", "f": "x", "g": "x"}, nil), nil,
			[]string{".spec.a", ".spec.b", ".spec.c", ".spec.d", ".spec.e", "and 2 more"}, nil},
		"Alone": {"one that is applied without a dry-run", podsOf(fields{"replica": int64(3)}, nil),
			func(_ *world, task *apply.Task) { task.Known = true }, []string{".spec.replica"},
			map[string]int{"PATCH": 2, "PATCH dry-run": 1}},
		"Remembered": {"what is known to be unknown is not sent again", podsOf(fields{"replica": int64(3)}, nil),
			func(_ *world, task *apply.Task) { task.Known, task.Unknown = true, []string{".spec.replica"} }, []string{".spec.replica"},
			map[string]int{"PATCH": 1}},
		"Outdated": {"what was unknown and is not in the source any more", podsOf(nil, nil),
			func(_ *world, task *apply.Task) { task.Known, task.Unknown = true, []string{".spec.replica"} }, nil, map[string]int{"PATCH": 1}},
		"Once": {"an object that is created and then left alone", podsOf(fields{"replica": int64(3), "other": "x"}, nil),
			func(_ *world, task *apply.Task) { annotate(task.Object, "ssa", "IfNotPresent") }, []string{".spec.other", ".spec.replica"},
			map[string]int{"POST dry-run": 2, "POST": 1}},
		"Ignored": {"an object with fields that are left to others", podsOf(fields{"replica": int64(3)}, nil),
			func(w *world, task *apply.Task) { task.Ignore = w.around(task.Object, "/spec/replicas").Ignore }, []string{".spec.replica"}, nil},
		"Metadata": {"metadata has fields of its own", fields{"metadata": fields{"name": "x", "owner": "me"}, "spec": podsOf(nil, nil)["spec"]},
			nil, []string{".metadata.owner"}, nil},
		"Substituted": {"a name that a secret value may stand in is not shown", podsOf(fields{"canary": "x"}, nil),
			func(_ *world, task *apply.Task) { task.Sensitive = true }, []string{".spec.[…]"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if meta, ok := c.content["metadata"].(fields); ok {
				meta["namespace"] = w.ns
			}
			task := taskOf(w.object("apps/v1", "Deployment", "x", c.content))
			if c.change != nil {
				c.change(w, &task)
			}
			w.requests.take()
			result := w.run(task).Results[0]
			requests := w.requests.take()
			if diff := cmp.Diff(c.dropped, result.Dropped); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
			if diff := cmp.Diff(c.requests, requests); c.requests != nil && diff != "" {
				t.Errorf("%s: requests: %s", c.why, diff)
			}
			if _, found, _ := unstructured.NestedMap(w.live(deployments, "x").Object, "spec", "template"); !found {
				t.Errorf("%s: the rest was not applied", c.why)
			}
			task.Known, task.Verify, task.Tidy = false, true, true
			if again := w.run(task).Results[0]; again.Action != apply.Unchanged && name != "Once" || name != "Once" && !cmp.Equal(again.Dropped, c.dropped) {
				t.Errorf("%s: a verification: got %s, dropped %v", c.why, again.Action, again.Dropped)
			}
		})
	}
}

// TestUnknownFieldsRefused refuses unknown fields, all of them in the same words at
// every attempt, where somebody asked for that or the kind is not built in.
func TestUnknownFieldsRefused(t *testing.T) {
	const canary = "canary-value"
	cases := map[string]struct {
		why, apiVersion, kind string
		content               fields
		change                func(*apply.Task)
		want                  string
	}{
		"Asked": {"somebody wants to hear of it", "apps/v1", "Deployment", podsOf(fields{"replica": int64(3), "a": "x", "z": "x"}, nil),
			nil, ".spec.a, .spec.replica, .spec.z: field not declared in schema"},
		"Known": {"the same for an object that is applied without a dry-run", "v1", "ConfigMap", fields{"surprise": "x"},
			func(task *apply.Task) { task.Known = true }, ".surprise: field not declared in schema"},
		"Remembered": {"what was left out before is refused now", "v1", "ConfigMap", fields{"surprise": "x"},
			func(task *apply.Task) { task.Unknown = []string{".surprise"} }, ".surprise: field not declared in schema"},
		"Once": {"an object that is created once", "v1", "ConfigMap", fields{"surprise": "x", "other": "x"},
			func(task *apply.Task) { annotate(task.Object, "ssa", "IfNotPresent") }, ".other, .surprise: field not declared in schema"},
		"Secret": {"the field is named, its value is not", "v1", "Secret", fields{"dat": fields{"a": canary}}, nil, ".dat: field not declared in schema"},
		"Sensitive": {"where the name may be secret it is not shown either", "v1", "ConfigMap", fields{canary: "x"},
			func(task *apply.Task) { task.Sensitive = true }, ".[…]: field not declared in schema"},
		"Custom": {"a kind that is not built in is refused as it always was", "GROUP/v1beta1", "Thing", fields{"spec": fields{"b": "1", "a": "1"}},
			func(task *apply.Task) { task.RefuseUnknown = false }, ".spec.a, .spec.b: field not declared in schema"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			group := w.ns + ".example.org"
			if name == "Custom" {
				w.definition(group, false)
			}
			task := taskOf(w.object(strings.ReplaceAll(c.apiVersion, "GROUP", group), c.kind, "x", c.content))
			task.RefuseUnknown = true
			if c.change != nil {
				c.change(&task)
			}
			for range 3 {
				w.requests.take()
				report, err := w.applier.Run(t.Context(), w.unit, []apply.Task{task})
				if err == nil || !strings.HasSuffix(err.Error(), "dry-run failed: "+c.want) || len(report.Results) > 0 {
					t.Fatalf("%s: got %v", c.why, err)
				}
				if n := w.requests.take(); n["POST"] > 0 || n["PATCH"] > 0 && name != "Known" {
					t.Errorf("%s: a refused object was written: %v", c.why, n)
				}
			}
		})
	}
}

// TestServerOwnedMetadata leaves out what the server sets: a manifest that was
// exported, even while its object was being deleted, is applied and stays.
func TestServerOwnedMetadata(t *testing.T) {
	exported := fields{
		"uid": "some", "resourceVersion": "7", "generation": int64(7), "selfLink": "/x", "creationTimestamp": "2024-01-01T00:00:00Z",
		"deletionTimestamp": "2024-01-01T00:00:00Z", "deletionGracePeriodSeconds": int64(3), "managedFields": []any{fields{"manager": "x", "operation": "Apply"}},
	}
	want := []string{
		".metadata.creationTimestamp", ".metadata.deletionGracePeriodSeconds", ".metadata.deletionTimestamp", ".metadata.generation", ".metadata.managedFields", "and 3 more",
	}
	for name, change := range map[string]func(w *world, task *apply.Task){
		"Applied": func(*world, *apply.Task) {},
		"Alone":   func(_ *world, task *apply.Task) { task.Known = true },
		"Once":    func(_ *world, task *apply.Task) { annotate(task.Object, "ssa", "IfNotPresent") },
		"Ignored": func(w *world, task *apply.Task) { task.Ignore = w.around(task.Object, "/data/b").Ignore },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			meta := fields{"name": "x", "namespace": w.ns, "ownerReferences": []any{}, "finalizers": []any{"example.org/keep"}}
			for key, value := range exported {
				meta[key] = value
			}
			task := taskOf(w.object("v1", "ConfigMap", "x", fields{"metadata": meta, "data": fields{"a": "1"}}))
			change(w, &task)
			first := w.run(task).Results[0]
			if diff := cmp.Diff(want, first.Dropped); diff != "" {
				t.Error(diff)
			}
			uid := w.uid("x")
			task.Known = false
			again := w.run(task).Results[0]
			if again.Action == apply.Configured || w.uid("x") != uid {
				t.Errorf("a second pass: got %s", again.Action)
			}
			live := w.live(configMaps, "x")
			if live.GetDeletionTimestamp() != nil || len(live.GetFinalizers()) != 1 {
				t.Errorf("got %v", live.Object["metadata"])
			}
			if _, written := task.Object.Object["metadata"].(fields)["uid"]; !written {
				t.Error("the task of the caller was changed")
			}
		})
	}
}
