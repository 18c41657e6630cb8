package apply_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/apply"
)

var services = schema.GroupVersionResource{Version: "v1", Resource: "services"}

// TestCollidingEdit puts a hand edit with kubectl back where the edited field and the
// desired one exclude each other: the server finds the two together invalid.
func TestCollidingEdit(t *testing.T) {
	port := func(number int64, name string) fields { return fields{"name": name, "port": number, "protocol": "TCP"} }
	volume := fields{"volumes": []any{fields{"name": "v", "emptyDir": fields{}}}}
	pods := func(extra fields) fields {
		content := podsOf(nil, nil)
		for name, value := range extra {
			content["spec"].(fields)["template"].(fields)["spec"].(fields)[name] = value
		}
		return content
	}
	recreate := podsOf(fields{"strategy": fields{"type": "Recreate"}}, nil)
	cases := map[string]struct {
		why, apiVersion, kind string
		resource              schema.GroupVersionResource
		content               fields
		edit                  string
		gone                  []string
	}{
		"PortNumber": {"the number is the key of the list, and the name is taken", "v1", "Service", services,
			fields{"spec": fields{"ports": []any{port(80, "http"), port(90, "admin")}}},
			`[{"op":"replace","path":"/spec/ports/0/port","value":81}]`, []string{`"port":81`}},
		"VolumeType": {"a volume is of one type", "apps/v1", "Deployment", deployments, pods(volume),
			`[{"op":"replace","path":"/spec/template/spec/volumes/0","value":{"name":"v","configMap":{"name":"edited"}}}]`, []string{"edited"}},
		"Strategy": {"a strategy that has no parameters", "apps/v1", "Deployment", deployments, recreate,
			`[{"op":"replace","path":"/spec/strategy","value":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":3}}}]`, []string{"rollingUpdate"}},
		"Environment": {"a variable has a value or a source", "apps/v1", "Deployment", deployments,
			podsOf(nil, fields{"env": []any{fields{"name": "E", "valueFrom": fields{"fieldRef": fields{"fieldPath": "metadata.name"}}}}}),
			`[{"op":"replace","path":"/spec/template/spec/containers/0/env/0","value":{"name":"E","value":"edited"}}]`, []string{"edited"}},
		"Probe": {"a probe has one handler", "apps/v1", "Deployment", deployments,
			podsOf(nil, fields{"livenessProbe": fields{"tcpSocket": fields{"port": int64(80)}}}),
			`[{"op":"replace","path":"/spec/template/spec/containers/0/livenessProbe","value":{"exec":{"command":["edited"]}}}]`, []string{"edited"}},
		"ServiceType": {"a cluster address that a type excludes", "v1", "Service", services,
			fields{"spec": fields{"type": "ExternalName", "externalName": "example.org"}},
			`[{"op":"replace","path":"/spec","value":{"type":"ClusterIP","clusterIP":"None","selector":{"a":"b"},"ports":[{"port":80}]}}]`, []string{"clusterIP", "ports"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, known := range []bool{false, true} {
				w := newWorld(t)
				task := taskOf(w.object(c.apiVersion, c.kind, "x", c.content))
				w.run(task)
				edited, err := w.client.Resource(c.resource).Namespace(w.ns).Patch(t.Context(), "x", types.JSONPatchType, []byte(c.edit), metav1.PatchOptions{FieldManager: "kubectl-edit"})
				if err != nil {
					t.Fatal(err)
				}
				verify := task
				verify.Verify = true
				if got := w.run(verify).Results[0].Action; got != apply.Drifted {
					t.Errorf("%s: a verification: got %s", c.why, got)
				}
				if now := w.live(c.resource, "x"); now.GetResourceVersion() != edited.GetResourceVersion() {
					t.Error("a verification wrote")
				}
				task.Known = known
				if got := w.run(task).Results[0].Action; got != apply.Configured {
					t.Errorf("%s: got %s", c.why, got)
				}
				live := w.live(c.resource, "x")
				live.SetManagedFields(nil)
				text, err := live.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				for _, part := range c.gone {
					if strings.Contains(string(text), part) {
						t.Errorf("%s: %q is left: %s", c.why, part, text)
					}
				}
			}
		})
	}
}

// TestCollidingEditByOthers leaves an edit where it may not be taken over: that of
// another manager, or of an object that asks for it. The refusal is reported.
func TestCollidingEditByOthers(t *testing.T) {
	for name, c := range map[string]struct{ why, manager, policy string }{
		"Manager": {"only what kubectl wrote becomes ours", "operator", ""},
		"Policy":  {"the object keeps the fields of others", "kubectl-edit", "Merge"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			obj := w.object("v1", "Service", "x", fields{"spec": fields{"ports": []any{
				fields{"name": "a", "port": int64(80), "protocol": "TCP"}, fields{"name": "b", "port": int64(90), "protocol": "TCP"}}}})
			if c.policy != "" {
				annotate(obj, "ssa", c.policy)
			}
			w.run(taskOf(obj))
			edit := []byte(`[{"op":"replace","path":"/spec/ports/0/port","value":81}]`)
			if _, err := w.client.Resource(services).Namespace(w.ns).Patch(t.Context(), "x", types.JSONPatchType, edit, metav1.PatchOptions{FieldManager: c.manager}); err != nil {
				t.Fatal(err)
			}
			before := w.live(services, "x").GetManagedFields()
			if _, err := w.applier.Run(t.Context(), w.unit, tasksOf(obj)); err == nil || !strings.Contains(err.Error(), "Duplicate value") {
				t.Errorf("%s: got %v", c.why, err)
			}
			if diff := cmp.Diff(before, w.live(services, "x").GetManagedFields()); diff != "" {
				t.Errorf("%s: %s", c.why, diff)
			}
		})
	}
}
