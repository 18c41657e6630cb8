package normal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

type fields = map[string]any

func object(apiVersion, kind, name string, content fields) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": apiVersion, "kind": kind, "metadata": fields{"name": name}}}
	for key, value := range content {
		obj.Object[key] = value
	}
	return obj
}

func TestObject(t *testing.T) {
	labels := fields{testowner.NameLabel: "apps", testowner.NamespaceLabel: "shop"}
	meta := func(extra fields) fields {
		m := fields{"name": "x", "labels": labels}
		for key, value := range extra {
			m[key] = value
		}
		return m
	}
	pod := func(port fields) fields {
		return fields{"template": fields{"spec": fields{"containers": []any{fields{"name": "c", "ports": []any{port}}}}}}
	}
	const bundle = "Cg=="
	conversion := func(clientConfig fields) fields {
		return fields{"conversion": fields{"webhook": fields{"clientConfig": clientConfig}}}
	}
	cases := map[string]struct {
		why string
		in  *unstructured.Unstructured
		out fields
	}{
		"StringData": {"its entries win and are encoded",
			object("v1", "Secret", "x", fields{"data": fields{"a": "MQ==", "b": "MQ=="}, "stringData": fields{"a": "2"}}),
			fields{"data": fields{"a": "Mg==", "b": "MQ=="}}},
		"Unknown": {"a built-in type has no such field",
			object("v1", "ConfigMap", "x", fields{"data": fields{"a": "1"}, "surprise": "x"}), fields{"data": fields{"a": "1"}}},
		"Role": {"a role is left as it was written",
			object("rbac.authorization.k8s.io/v1", "ClusterRole", "x", fields{"surprise": "x"}), fields{"surprise": "x"}},
		"Custom": {"a custom kind is left as it was written, less its status",
			object("example.org/v1", "Thing", "x", fields{"spec": fields{"any": "x"}, "status": fields{"old": "x"}}), fields{"spec": fields{"any": "x"}}},
		"ContainerPort": {"the protocol is part of the key of the list",
			object("apps/v1", "Deployment", "x", fields{"spec": pod(fields{"containerPort": int64(80)}), "status": fields{"replicas": int64(1)}}),
			fields{"spec": pod(fields{"containerPort": int64(80), "protocol": "TCP"})}},
		"OtherProtocol": {"what the author wrote stays",
			object("apps/v1", "Deployment", "x", fields{"spec": pod(fields{"containerPort": int64(80), "protocol": "UDP"})}),
			fields{"spec": pod(fields{"containerPort": int64(80), "protocol": "UDP"})}},
		"ServicePort": {"the protocol is part of the key of the list",
			object("v1", "Service", "x", fields{"spec": fields{"ports": []any{fields{"port": int64(80)}}}}),
			fields{"spec": fields{"ports": []any{fields{"port": int64(80), "protocol": "TCP"}}}}},
		"EmptyKept": {"an empty map that the author wrote is a choice",
			object("v1", "Pod", "x", fields{"spec": fields{"containers": []any{}, "volumes": []any{fields{"name": "v", "emptyDir": fields{}}}}}),
			fields{"spec": fields{"containers": []any{}, "volumes": []any{fields{"name": "v", "emptyDir": fields{}}}}}},
		"Bundle": {"a placeholder is no certificate",
			object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "x", fields{"spec": conversion(fields{"caBundle": bundle, "url": "u"}), "status": fields{"a": "b"}}),
			fields{"spec": conversion(fields{"url": "u"}), "status": fields{"a": "b"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.in.Object["metadata"].(fields)["creationTimestamp"] = nil
			want := fields{"apiVersion": c.in.GetAPIVersion(), "kind": c.in.GetKind(), "metadata": meta(nil)}
			for key, value := range c.out {
				want[key] = value
			}
			for round := range 2 {
				if err := Object(c.in, ownership.Unit{Namespace: "shop", Name: "apps"}, testowner.New(t)); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, c.in.Object); diff != "" {
					t.Errorf("%s (round %d): %s", c.why, round, diff)
				}
			}
		})
	}
}

func TestObjectRefuses(t *testing.T) {
	const canary = "canary-value"
	cases := map[string]struct {
		why, want string
		in        *unstructured.Unstructured
	}{
		"Encrypted": {"it must be decrypted first", "Secret/x: it is SOPS encrypted, configuring decryption is required",
			object("v1", "Secret", "x", fields{"sops": fields{"mac": canary}})},
		"Number": {"the author forgot the quotes", `the value of stringData "pin" is not a text`,
			object("v1", "Secret", "x", fields{"stringData": fields{"pin": int64(4711)}})},
		"WrongType": {"values of a Secret are not quoted", "a field has the wrong type",
			object("v1", "Secret", "x", fields{"data": fields{"a": canary + "!"}})},
		"Replicas": {"a number is expected", "Deployment/x: a field has the wrong type",
			object("apps/v1", "Deployment", "x", fields{"spec": fields{"replicas": "two"}})},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := Object(c.in, ownership.Unit{}, testowner.New(t))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%s: got %v", c.why, err)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "4711") {
				t.Errorf("a value leaked: %v", err)
			}
		})
	}
}
