package controller

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// Annotations that the admission of the property test acts on, and a finalizer.
const (
	touchOnce   = "example.com/touch-once"
	touchAlways = "example.com/touch-always"
	holder      = "example.com/hold"
)

// write is something another client does to an object of a rig. The token is new
// in each step.
type write func(ctx context.Context, r *rig, name, token string) error

// update reads an object, changes it and puts it back, as kubectl edit does.
func update(owner string, change func(obj fields, token string)) write {
	return func(ctx context.Context, r *rig, name, token string) error {
		obj, err := r.twin(ctx, name)
		if err != nil {
			return err
		}
		change(obj.Object, token)
		return r.Update(ctx, obj, client.FieldOwner(owner))
	}
}

// merge sends a merge patch.
func merge(owner string, body func(token string) fields, sub ...string) write {
	return func(ctx context.Context, r *rig, name, token string) error {
		data, err := json.Marshal(body(token))
		if err != nil {
			return err
		}
		patch := client.RawPatch(types.MergePatchType, data)
		if len(sub) > 0 {
			return r.SubResource(sub[0]).Patch(ctx, twinRef(r.namespace, name), patch, client.FieldOwner(owner))
		}
		return r.Patch(ctx, twinRef(r.namespace, name), patch, client.FieldOwner(owner))
	}
}

// jsonPatch sends a JSON patch of one operation.
func jsonPatch(op, path string, value any) write {
	return func(ctx context.Context, r *rig, name, _ string) error {
		operation := fields{"op": op, "path": path}
		if op != "remove" {
			operation["value"] = value
		}
		data, err := json.Marshal([]any{operation})
		if err != nil {
			return err
		}
		return r.Patch(ctx, twinRef(r.namespace, name), client.RawPatch(types.JSONPatchType, data), client.FieldOwner("somebody"))
	}
}

// applyAs applies what the source might say, by another value, with force.
func applyAs(manager string, body func(name, token string) fields) write {
	return func(ctx context.Context, r *rig, name, token string) error {
		obj := twinRef(r.namespace, name)
		for key, value := range body(name, token) {
			obj.Object[key] = value
		}
		obj.SetNamespace(r.namespace)
		return r.Apply(ctx, client.ApplyConfigurationFromUnstructured(obj), client.FieldOwner(manager), client.ForceOwnership)
	}
}

func twinRef(namespace, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{}}
	obj.SetGroupVersionKind(twinKinds[name[:1]])
	obj.SetNamespace(namespace)
	obj.SetName(name)
	return obj
}

func (r *rig) twin(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	obj := twinRef(r.namespace, name)
	return obj, r.Get(ctx, client.ObjectKeyFromObject(obj), obj)
}

// set sets a nested field of a copy of what is there.
func set(value func(token string) any, path ...string) func(fields, string) {
	return func(obj fields, token string) {
		if err := unstructured.SetNestedField(obj, value(token), path...); err != nil {
			panic(err)
		}
	}
}

func constant(value any) func(string) any { return func(string) any { return value } }

func drop(path ...string) func(fields, string) {
	return func(obj fields, _ string) { unstructured.RemoveNestedField(obj, path...) }
}

func metadata(key string, value func(token string) any, name string) func(string) fields {
	return func(token string) fields { return fields{"metadata": fields{key: fields{name: value(token)}}} }
}

func fresh(token string) any { return "t" + token }

// general are the writes that any kind may see.
func general() map[string]write {
	annotate := func(name string, value any) write {
		return merge("somebody", metadata("annotations", constant(value), name))
	}
	return map[string]write{
		"nothing":          update("somebody", func(fields, string) {}),
		"addLabel":         update("somebody", set(fresh, "metadata", "labels", "theirs")),
		"addAnnotation":    merge("somebody", metadata("annotations", fresh, "example.com/theirs")),
		"changeLabel":      merge("somebody", metadata("labels", fresh, "value")),
		"removeLabel":      merge("somebody", metadata("labels", constant(nil), "value")),
		"dropOwner":        update("somebody", drop("metadata", "labels", kustomizev1.LabelName)),
		"stealOwner":       merge("somebody", metadata("labels", constant("thief"), kustomizev1.LabelName)),
		"stealOwnerFar":    merge("somebody", metadata("labels", constant("elsewhere"), kustomizev1.LabelNamespace)),
		"dropAllLabels":    update("somebody", drop("metadata", "labels")),
		"resetManagers":    merge("somebody", func(string) fields { return fields{"metadata": fields{"managedFields": []any{fields{}}}} }),
		"kubectlLabel":     update("kubectl-edit", set(fresh, "metadata", "labels", "kubectl")),
		"legacyAnnotation": annotate("kubectl.kubernetes.io/last-applied-configuration", "{}"),
		"finalizer":        merge("somebody", func(string) fields { return fields{"metadata": fields{"finalizers": []any{holder}}} }),
		"delete": func(ctx context.Context, r *rig, name, _ string) error {
			return r.Delete(ctx, twinRef(r.namespace, name))
		},
		"replace": replace(false), "replaceFull": replace(true),
		"applySame": applyAs("another", func(name, _ string) fields { return fields{"metadata": twinMeta(name, fields{"theirs": "applied"})} }),
		"applyLabel": applyAs("another", func(name, token string) fields {
			return fields{"metadata": twinMeta(name, fields{"value": "t" + token})}
		}),
		"disable":        annotate(kustomizev1.GroupVersion.Group+"/reconcile", "disabled"),
		"enable":         annotate(kustomizev1.GroupVersion.Group+"/reconcile", nil),
		"touchedOnce":    merge("somebody", metadata("annotations", fresh, touchOnce)),
		"touchedAlways":  merge("somebody", metadata("annotations", fresh, touchAlways)),
		"touchedNoMore":  annotate(touchAlways, nil),
		"changeAndBack":  changeAndBack,
		"deleteAndThere": deleteAndThere,
	}
}

func twinMeta(name string, labels fields) fields { return fields{"name": name, "labels": labels} }

// replace puts another version of the manifest, as kubectl replace does.
func replace(full bool) write {
	return func(ctx context.Context, r *rig, name, token string) error {
		was, err := r.twin(ctx, name)
		if err != nil {
			return err
		}
		obj := &unstructured.Unstructured{Object: twinObject(r.namespace, name, token, full)}
		obj.SetResourceVersion(was.GetResourceVersion())
		if strings.HasPrefix(name, "s") {
			obj.Object["spec"].(fields)["clusterIP"], _, _ = unstructured.NestedFieldCopy(was.Object, "spec", "clusterIP")
		}
		return r.Update(ctx, obj, client.FieldOwner("kubectl-replace"))
	}
}

// changeAndBack changes a label that we own and restores it.
func changeAndBack(ctx context.Context, r *rig, name, token string) error {
	was, err := r.twin(ctx, name)
	if err != nil {
		return err
	}
	if err := merge("somebody", metadata("labels", constant("a-moment"), "value"))(ctx, r, name, token); err != nil {
		return err
	}
	value, ok := was.GetLabels()["value"]
	if !ok {
		return merge("somebody", metadata("labels", constant(nil), "value"))(ctx, r, name, token)
	}
	return merge("somebody", metadata("labels", constant(value), "value"))(ctx, r, name, token)
}

// deleteAndThere deletes an object that its finalizer holds.
func deleteAndThere(ctx context.Context, r *rig, name, token string) error {
	if err := general()["finalizer"](ctx, r, name, token); err != nil {
		return err
	}
	return r.Delete(ctx, twinRef(r.namespace, name))
}

// special are the writes that concern what a kind holds.
func special(letter string) map[string]write {
	switch letter {
	case "c":
		return dataWrites(fresh, "data")
	case "x":
		return dataWrites(func(string) any { return "c29tZXRoaW5n" }, "data")
	case "d":
		return deploymentWrites()
	case "r":
		rule := fields{"apiGroups": []any{""}, "resources": []any{"secrets"}, "verbs": []any{"*"}}
		return map[string]write{
			"addRule":    jsonPatch("add", "/rules/-", rule),
			"editRules":  merge("kubectl-edit", func(string) fields { return fields{"rules": []any{rule}} }),
			"clearRules": update("somebody", drop("rules")),
			"applyRules": applyAs("another", func(string, string) fields { return fields{"rules": []any{rule}} }),
			"applyAsUs":  applyAs(kustomizev1.FieldManager, func(string, string) fields { return fields{"rules": []any{rule}} }),
		}
	case "s":
		return map[string]write{
			"selector":    merge("somebody", func(token string) fields { return fields{"spec": fields{"selector": fields{"theirs": token}}} }),
			"port":        jsonPatch("replace", "/spec/ports/0/targetPort", 4321),
			"addPort":     jsonPatch("add", "/spec/ports/-", fields{"name": "theirs", "port": 5432, "protocol": "TCP"}),
			"kubectlPort": merge("kubectl-edit", func(string) fields { return fields{"spec": fields{"ports": []any{fields{"name": "x", "port": 1}}}} }),
			"affinity":    merge("somebody", func(string) fields { return fields{"spec": fields{"sessionAffinity": "ClientIP"}} }),
		}
	}
	return widgetWrites()
}

func dataWrites(value func(string) any, field string) map[string]write {
	return map[string]write{
		"edit":         update("somebody", set(value, field, "value")),
		"editAsUs":     update(kustomizev1.FieldManager, set(value, field, "value")),
		"kubectlEdit":  update("kubectl-edit", set(value, field, "value")),
		"kubectlField": update("kubectl-edit", set(value, field, "kubectl")),
		"removeValue":  jsonPatch("remove", "/"+field+"/value", nil),
		"clear":        update("somebody", drop(field)),
		"addField":     merge("somebody", func(token string) fields { return fields{field: fields{"theirs": value(token)}} }),
		"applyValue":   applyAs("another", func(_, token string) fields { return fields{field: fields{"value": value(token)}} }),
		"applyAsUs":    applyAs(kustomizev1.FieldManager, func(_, token string) fields { return fields{field: fields{"value": value(token)}} }),
	}
}

func deploymentWrites() map[string]write {
	template := func(body fields) fields { return fields{"spec": fields{"template": body}} }
	scale := merge("autoscaler", func(token string) fields {
		return fields{"spec": fields{"replicas": 10 + len(token)}}
	}, "scale")
	return map[string]write{
		"scale": scale,
		"restart": merge("kubectl-rollout", func(token string) fields {
			return template(fields{"metadata": fields{"annotations": fields{"kubectl.kubernetes.io/restartedAt": token}}})
		}),
		"image":        jsonPatch("replace", "/spec/template/spec/containers/0/image", "web:mine"),
		"sidecar":      jsonPatch("add", "/spec/template/spec/containers/-", fields{"name": "sidecar", "image": "side:1"}),
		"sidecarFirst": jsonPatch("add", "/spec/template/spec/containers/0", fields{"name": "first", "image": "side:1"}),
		"environment":  jsonPatch("replace", "/spec/template/spec/containers/0/env", []any{fields{"name": "B", "value": "b"}}),
		"paused":       merge("kubectl-edit", func(string) fields { return fields{"spec": fields{"paused": true}} }),
		"scaleApplied": applyAs("autoscaler", func(string, string) fields { return fields{"spec": fields{"replicas": int64(30)}} }),
		"status":       merge("somebody", func(token string) fields { return fields{"status": fields{"observedGeneration": len(token)}} }, "status"),
	}
}

func widgetWrites() map[string]write {
	spec := func(key string, value any) func(string) fields {
		return func(string) fields { return fields{"spec": fields{key: value}} }
	}
	edits := dataWrites(fresh, "spec")
	maps.DeleteFunc(edits, func(name string, _ write) bool { return name == "addField" || name == "kubectlField" })
	maps.Copy(edits, map[string]write{
		"reorderList": update("somebody", set(constant([]any{"b", "a"}), "spec", "list")),
		"extendSet":   jsonPatch("add", "/spec/set/-", "theirs"),
		"extendList":  jsonPatch("add", "/spec/list/-", "theirs"),
		"clearMap":    update("somebody", drop("spec", "map")),
		"mapKey":      merge("somebody", spec("map", fields{"theirs": "x"})),
		"kubectlKey":  merge("kubectl-edit", spec("map", fields{"kubectl": "x"})),
		"status":      merge("somebody", func(token string) fields { return fields{"status": fields{"x": token}} }, "status"),
		"size":        merge("somebody", spec("size", 99)),
	})
	return edits
}
