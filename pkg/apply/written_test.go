package apply_test

import (
	"testing"

	"github.com/capstan-gitops/capstan/pkg/apply"
)

// TestWrittenOnce applies what an author may leave empty, and then finds it to be as
// it should be: at the next full pass, and by a verification.
func TestWrittenOnce(t *testing.T) {
	deployment := func(template fields, spec fields) fields {
		pod := fields{"containers": []any{spec}}
		meta := fields{"labels": fields{"a": "b"}}
		for name, value := range template {
			meta[name] = value
		}
		return fields{"spec": fields{"paused": false, "selector": fields{"matchLabels": fields{"a": "b"}}, "template": fields{"metadata": meta, "spec": pod}}}
	}
	container := func(extra fields) fields {
		c := fields{"name": "c", "image": "i"}
		for name, value := range extra {
			c[name] = value
		}
		return c
	}
	cases := map[string]struct {
		why, apiVersion, kind string
		content               fields
	}{
		"SecretNull":     {"a value that was left empty", "v1", "Secret", fields{"data": fields{"a": "MQ==", "b": nil}}},
		"SecretText":     {"the same key twice, one of them empty", "v1", "Secret", fields{"data": fields{"a": "MQ=="}, "stringData": fields{"a": nil, "c": "2"}}},
		"SecretNothing":  {"a Secret that somebody else fills", "v1", "Secret", fields{"data": fields{}, "stringData": nil}},
		"ConfigNull":     {"a text that was left empty", "v1", "ConfigMap", fields{"data": fields{"a": nil, "b": ""}}},
		"TemplateTime":   {"what generators write", "apps/v1", "Deployment", deployment(fields{"creationTimestamp": nil, "annotations": fields{"x": nil}}, container(nil))},
		"Empties":        {"lists and maps without content", "apps/v1", "Deployment", deployment(nil, container(fields{"args": []any{}, "env": nil, "resources": fields{"limits": fields{}}, "command": []any{nil}}))},
		"Quantities":     {"other spellings of the same", "apps/v1", "Deployment", deployment(nil, container(fields{"resources": fields{"limits": fields{"cpu": 0.5, "memory": "1024Mi"}}}))},
		"ServiceZeroes":  {"what the server assigns", "v1", "Service", fields{"spec": fields{"clusterIP": "", "sessionAffinity": "", "ports": []any{fields{"port": int64(80), "nodePort": int64(0)}}}}},
		"AccountZeroes":  {"what a controller fills in", "v1", "ServiceAccount", fields{"secrets": []any{}, "automountServiceAccountToken": false}},
		"StatefulVolume": {"a template of another kind inside", "apps/v1", "StatefulSet", statefulSet()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			obj := w.object(c.apiVersion, c.kind, "x", c.content)
			w.run(taskOf(obj))
			if got := w.run(taskOf(obj)).Results[0].Action; got != apply.Unchanged {
				t.Errorf("%s: a second apply: got %s", c.why, got)
			}
			verify := taskOf(obj)
			verify.Verify, verify.Tidy = true, true
			if got := w.run(verify).Results[0].Action; got != apply.Unchanged {
				t.Errorf("%s: a verification: got %s", c.why, got)
			}
		})
	}
}

func statefulSet() fields {
	return fields{"spec": fields{
		"serviceName": "x", "selector": fields{"matchLabels": fields{"a": "b"}},
		"template": fields{"metadata": fields{"labels": fields{"a": "b"}}, "spec": fields{"containers": []any{fields{"name": "c", "image": "i"}}}},
		"volumeClaimTemplates": []any{fields{
			"metadata": fields{"name": "v", "creationTimestamp": nil}, "status": fields{},
			"spec": fields{"accessModes": []any{"ReadWriteOnce"}, "volumeName": "", "resources": fields{"requests": fields{"storage": "1024Mi"}}},
		}},
	}}
}
