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
		"Unknown": {"whether there is such a field is the server's to say",
			object("v1", "ConfigMap", "x", fields{"data": fields{"a": "1"}, "surprise": "x"}), fields{"data": fields{"a": "1"}, "surprise": "x"}},
		"UnknownBelow": {"the same in a list of maps, beside a field that is read",
			object("v1", "Pod", "x", fields{"spec": fields{"containers": []any{fields{"imag": nil, "name": "c", "args": nil}}}}),
			fields{"spec": fields{"containers": []any{fields{"imag": nil, "name": "c"}}}}},
		"Zero": {"false and zero are values, which a hand edit must not outlast",
			object("apps/v1", "Deployment", "x", fields{"spec": fields{"paused": false, "replicas": int64(0), "minReadySeconds": int64(0)}}),
			fields{"spec": fields{"paused": false, "replicas": int64(0), "minReadySeconds": int64(0)}}},
		"EmptyBundle": {"to apply an empty text would take the field from who fills it in",
			object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "x", fields{"webhooks": []any{fields{"clientConfig": fields{"caBundle": ""}}}}),
			fields{"webhooks": []any{fields{"clientConfig": fields{}}}}},
		"Quantity": {"the server answers with one spelling of a quantity",
			object("v1", "PersistentVolumeClaim", "x", fields{"spec": fields{"resources": fields{"requests": fields{"storage": "1024Mi", "cpu": 0.5, "other": int64(1000)}}}}),
			fields{"spec": fields{"resources": fields{"requests": fields{"storage": "1Gi", "cpu": "500m", "other": "1k"}}}}},
		"IntOrString": {"a number and a text are different ports",
			object("v1", "Service", "x", fields{"spec": fields{"ports": []any{fields{"targetPort": int64(80), "protocol": "TCP"}, fields{"targetPort": "80", "protocol": "UDP"}}}}),
			fields{"spec": fields{"ports": []any{fields{"targetPort": int64(80), "protocol": "TCP"}, fields{"targetPort": "80", "protocol": "UDP"}}}}},
		"SecretNull": {"the server reads null as an empty value, and answers so for ever",
			object("v1", "Secret", "x", fields{"data": fields{"a": "MQ==", "b": nil}}), fields{"data": fields{"a": "MQ==", "b": ""}}},
		"SecretTextNull": {"so it does in stringData, which wins",
			object("v1", "Secret", "x", fields{"data": fields{"a": "MQ=="}, "stringData": fields{"a": nil}}), fields{"data": fields{"a": ""}}},
		"SecretLines": {"line breaks mean nothing in base64",
			object("v1", "Secret", "x", fields{"data": fields{"a": "MQ\n==\n"}}), fields{"data": fields{"a": "MQ=="}}},
		"ConfigNull": {"the same for the texts of a ConfigMap",
			object("v1", "ConfigMap", "x", fields{"data": fields{"a": nil}, "binaryData": nil}), fields{"data": fields{"a": ""}}},
		"ListNull": {"an empty argument is an argument",
			object("v1", "Pod", "x", fields{"spec": fields{"containers": []any{fields{"args": []any{nil, "x"}}}}}),
			fields{"spec": fields{"containers": []any{fields{"args": []any{"", "x"}}}}}},
		"TemplateTime": {"generators write a time of creation that is null",
			object("apps/v1", "Deployment", "x", fields{"spec": fields{"template": fields{"metadata": fields{"creationTimestamp": nil, "annotations": fields{"a": nil}}}}}),
			fields{"spec": fields{"template": fields{"metadata": fields{"annotations": fields{"a": ""}}}}}},
		"BadStatus": {"what is the server's is not looked at",
			object("apps/v1", "Deployment", "x", fields{"status": fields{"conditions": "x"}}), fields{}},
		"EmptyList": {"an optional list without items says nothing",
			object("v1", "Pod", "x", fields{"spec": fields{"containers": []any{fields{"args": []any{}, "name": "c"}}, "nodeSelector": fields{}, "hostAliases": nil}}),
			fields{"spec": fields{"containers": []any{fields{"name": "c"}}}}},
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
			before := c.in.DeepCopy()
			spec := c.in.Object["spec"]
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
			if diff := cmp.Diff(before.Object["spec"], spec); BuiltIn(before.GroupVersionKind()) && diff != "" {
				t.Errorf("what was built was changed, which a cache may still hold: %s", diff)
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
		"WrongType": {"values of a Secret are not quoted", "Secret/x: .data.a: a base64 string is expected",
			object("v1", "Secret", "x", fields{"data": fields{"a": canary + "!"}})},
		"SecretNumber": {"the author forgot the quotes", "Secret/x: .data.pin: a base64 string is expected, it is a number",
			object("v1", "Secret", "x", fields{"data": fields{"pin": int64(4711)}})},
		"DataList": {"stringData must not replace what is wrong beside it", "Secret/x: .data: a map is expected, it is a list",
			object("v1", "Secret", "x", fields{"data": []any{canary}, "stringData": fields{"a": "b"}})},
		"TextList": {"the commonest mistake with two fields of that name", "Secret/x: .stringData: a map is expected, it is a list",
			object("v1", "Secret", "x", fields{"stringData": []any{canary}})},
		"Replicas": {"a number is expected", "Deployment/x: .spec.replicas: a whole number of 32 bits is expected, it is a string",
			object("apps/v1", "Deployment", "x", fields{"spec": fields{"replicas": canary}})},
		"Boolean": {"YAML reads yes and on as booleans", "ConfigMap/x: .data.debug: a string is expected, it is a boolean",
			object("v1", "ConfigMap", "x", fields{"data": fields{"debug": true}})},
		"Key": {"the path quotes a key that has dots", `ConfigMap/x: .data["app.conf"]: a string is expected, it is a map`,
			object("v1", "ConfigMap", "x", fields{"data": fields{"app.conf": fields{"a": canary}}})},
		"First": {"of several, always the same one is named", ".data.a: a string is expected",
			object("v1", "ConfigMap", "x", fields{"data": fields{"c": true, "b": true, "a": true, "d": true}})},
		"InList": {"a path goes through lists", "Deployment/x: .spec.template.spec.containers[1].env[0].value: a string is expected, it is a number",
			object("apps/v1", "Deployment", "x", fields{"spec": fields{"template": fields{"spec": fields{"containers": []any{
				fields{"name": "a"}, fields{"name": "b", "env": []any{fields{"name": "N", "value": int64(4711)}}}}}}}})},
		"NullItem": {"an item that was left empty", "Pod/x: .spec.containers[0]: a map is expected, it is null",
			object("v1", "Pod", "x", fields{"spec": fields{"containers": []any{nil}}})},
		"Quantity": {"a quantity has its own grammar", "Pod/x: .spec.containers[0].resources.limits.cpu: a quantity is expected, it is a string",
			object("v1", "Pod", "x", fields{"spec": fields{"containers": []any{fields{"resources": fields{"limits": fields{"cpu": canary}}}}}})},
		"Port": {"a port is either", "Service/x: .spec.ports[0].targetPort: a number or a string is expected, it is a boolean",
			object("v1", "Service", "x", fields{"spec": fields{"ports": []any{fields{"targetPort": true}}}})},
		"Overflow": {"it would be another number", "Service/x: .spec.ports[0].port: a whole number of 32 bits is expected, it is a number",
			object("v1", "Service", "x", fields{"spec": fields{"ports": []any{fields{"port": int64(1) << 40}}}})},
		"CustomLabel": {"labels that are no texts must not be lost to ours", "Thing/x: .metadata.labels.a: a string is expected, it is a number",
			object("example.org/v1", "Thing", "x", fields{"metadata": fields{"name": "x", "labels": fields{"a": int64(1)}}})},
		"RoleLabel": {"so for a role", "ClusterRole/x: .metadata.annotations.a: a string is expected, it is a boolean",
			object("rbac.authorization.k8s.io/v1", "ClusterRole", "x", fields{"metadata": fields{"name": "x", "annotations": fields{"a": true}}})},
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
