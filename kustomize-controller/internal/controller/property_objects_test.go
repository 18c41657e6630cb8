package controller

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// snapshots is how the names of Secrets begin that keep what was pruned.
const snapshots = "capstan-pruned-"

// fields is a part of an object.
type fields = map[string]any

// widgetGroup is the group of a custom resource that only the property test has.
const widgetGroup = "property.example.com"

// twinKinds are the kinds that the property test applies, by the first letter of
// the names of their objects.
var twinKinds = map[string]schema.GroupVersionKind{
	"c": {Version: "v1", Kind: "ConfigMap"},
	"d": {Group: "apps", Version: "v1", Kind: "Deployment"},
	"r": {Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"},
	"s": {Version: "v1", Kind: "Service"},
	"w": {Group: widgetGroup, Version: "v1", Kind: "Widget"},
	"x": {Version: "v1", Kind: "Secret"},
}

// twinObject returns an object of the source: its name says of which kind it is,
// its value what it holds, and full whether it has what can be left out.
func twinObject(namespace, name, value string, full bool) fields {
	gvk := twinKinds[name[:1]]
	apiVersion, kind := gvk.ToAPIVersionAndKind()
	meta := fields{"name": name, "namespace": namespace, "labels": fields{"value": "v" + value}}
	if full {
		meta["annotations"] = fields{"note": value}
	}
	obj := fields{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
	maps.Copy(obj, twinContent(kind, value, full))
	return obj
}

// twinContent is what an object holds besides metadata.
func twinContent(kind, value string, full bool) fields {
	data := fields{"value": value, "other": "x"}
	if full {
		data["more"] = "y"
	}
	number := int64(len(value)) + int64(value[len(value)-1]-'0')
	switch kind {
	case "ConfigMap":
		return fields{"data": data}
	case "Secret":
		return fields{"stringData": data}
	case "Role":
		rules := []any{fields{"apiGroups": []any{""}, "resources": []any{"pods"}, "verbs": []any{"get"}, "resourceNames": []any{value}}}
		if full {
			rules = append(rules, fields{"apiGroups": []any{"apps"}, "resources": []any{"deployments"}, "verbs": []any{"get", "list"}})
		}
		return fields{"rules": rules}
	case "Service":
		ports := []any{fields{"name": "http", "port": int64(80), "targetPort": 8000 + number, "protocol": "TCP"}}
		if full {
			ports = append(ports, fields{"name": "more", "port": int64(9000), "protocol": "TCP"})
		}
		return fields{"spec": fields{"selector": fields{"app": value}, "ports": ports}}
	case "Widget":
		spec := fields{"value": value, "size": number, "list": []any{"a", "b"}, "set": []any{"a", value}, "map": data}
		if full {
			spec["items"] = []any{fields{"name": "one", "value": value}, fields{"name": "two", "value": "2"}}
		}
		return fields{"spec": spec}
	}
	return fields{"spec": deploymentSpec(value, number, full)}
}

func deploymentSpec(value string, number int64, full bool) fields {
	container := fields{"name": "web", "image": "web:" + value, "env": []any{fields{"name": "A", "value": value}, fields{"name": "B", "value": "b"}}}
	if full {
		container["ports"] = []any{fields{"containerPort": int64(80)}}
	}
	return fields{
		"replicas": number, "selector": fields{"matchLabels": fields{"app": "web"}},
		"template": fields{"metadata": fields{"labels": fields{"app": "web"}}, "spec": fields{"containers": []any{container}}},
	}
}

// text returns an object as a file of the source.
func text(t testing.TB, obj fields) string {
	t.Helper()
	data, err := json.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// serveWidgets installs the custom resource and waits until it is served.
func serveWidgets(t *testing.T, g *WithT, c client.Client) {
	t.Helper()
	kind := fields{"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"}
	texts := fields{"type": "array", "items": fields{"type": "string"}}
	set := maps.Clone(texts)
	set["x-kubernetes-list-type"] = "set"
	one := fields{"type": "object", "properties": fields{"name": fields{"type": "string"}, "value": fields{"type": "string"}}, "required": []any{"name"}}
	spec := fields{"type": "object", "properties": fields{
		"value": fields{"type": "string"}, "size": fields{"type": "integer"}, "list": texts, "set": set,
		"map":   fields{"type": "object", "additionalProperties": fields{"type": "string"}},
		"items": fields{"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": []any{"name"}, "items": one},
	}}
	status := fields{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
	crd := &unstructured.Unstructured{Object: fields{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": fields{"name": "widgets." + widgetGroup},
		"spec": fields{"group": widgetGroup, "scope": "Namespaced", "names": kind, "versions": []any{fields{
			"name": "v1", "served": true, "storage": true, "subresources": fields{"status": fields{}},
			"schema": fields{"openAPIV3Schema": fields{"type": "object", "properties": fields{"spec": spec, "status": status}}},
		}}},
	}}
	g.Expect(client.IgnoreAlreadyExists(c.Create(t.Context(), crd))).To(Succeed())
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(twinKinds["w"])
	g.Eventually(func() error { return c.List(t.Context(), list) }, soon).Should(Succeed())
}

// seen is a live object, reduced to what two namespaces can have in common.
type seen struct {
	version, uid string
	terminating  bool
	content      string
	// ours are the fields that managedFields says we applied.
	ours string
}

// observe returns the live objects of the kinds that are applied, by "plural/name".
func (r *rig) observe(t *testing.T, g *WithT) map[string]seen {
	t.Helper()
	found := map[string]seen{}
	for _, letter := range slices.Sorted(maps.Keys(twinKinds)) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(twinKinds[letter])
		g.Expect(r.List(t.Context(), list, client.InNamespace(r.namespace))).To(Succeed())
		for _, obj := range list.Items {
			if strings.HasPrefix(obj.GetName(), snapshots) {
				continue
			}
			found[plural(obj.GetKind())+"/"+obj.GetName()] = r.reduce(t, &obj)
		}
	}
	return found
}

func plural(kind string) string { return strings.ToLower(kind) + "s" }

func (r *rig) reduce(t *testing.T, obj *unstructured.Unstructured) seen {
	t.Helper()
	s := seen{version: obj.GetResourceVersion(), uid: string(obj.GetUID()), terminating: obj.GetDeletionTimestamp() != nil}
	for _, entry := range obj.GetManagedFields() {
		if entry.Manager == kustomizev1.FieldManager && entry.Operation == "Apply" && entry.Subresource == "" {
			s.ours += fmt.Sprintln(entry.APIVersion, entry.FieldsV1.GetRawString())
		}
	}
	for _, key := range []string{"resourceVersion", "uid", "creationTimestamp", "generation", "managedFields", "namespace", "deletionTimestamp", "deletionGracePeriodSeconds"} {
		unstructured.RemoveNestedField(obj.Object, "metadata", key)
	}
	for _, key := range []string{"clusterIP", "clusterIPs"} {
		unstructured.RemoveNestedField(obj.Object, "spec", key)
	}
	unstructured.RemoveNestedField(obj.Object, "status")
	s.content = strings.ReplaceAll(text(t, obj.Object), r.namespace, "NAMESPACE")
	return s
}
