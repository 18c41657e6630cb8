// Package normal brings built objects into the form in which they are digested,
// compared and applied. It is a model package: objects in, objects out.
package normal

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

var definition = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// Object brings a built object into the form in which it is digested and
// applied: labels of the owning unit on, server-owned fields off, Secret text folded into
// data, defaults written out where server-side apply needs them as list keys,
// fields that a built-in type does not have dropped. Doing it twice changes
// nothing.
func Object(obj *unstructured.Unstructured, unit live.Unit, owner *ownership.Owner) error {
	if err := normalize(obj); err != nil {
		return fmt.Errorf("normalising %s: %w", inventory.IDOf(obj).Subject(), err)
	}
	owner.Label(obj, unit)
	return nil
}

func normalize(obj *unstructured.Unstructured) error {
	gk := obj.GroupVersionKind().GroupKind()
	if manifest.IsSecret(obj) {
		if _, encrypted := obj.Object["sops"]; encrypted {
			return errors.New("it is SOPS encrypted, configuring decryption is required for this secret to be reconciled")
		}
		if err := foldStringData(obj); err != nil {
			return err
		}
	}
	if err := typed(obj); err != nil {
		return err
	}
	unstructured.RemoveNestedField(obj.Object, "metadata", "creationTimestamp")
	if gk == definition {
		return dropInvalidBundle(obj)
	}
	delete(obj.Object, "status")
	return defaultProtocols(obj)
}

// foldStringData moves stringData into data, where it wins. The API server does
// the same, but a write-only field cannot be compared or owned.
func foldStringData(obj *unstructured.Unstructured) error {
	text, ok := obj.Object["stringData"]
	if !ok {
		return nil
	}
	delete(obj.Object, "stringData")
	entries, ok := text.(map[string]any)
	if !ok {
		if text == nil {
			return nil
		}
		return errors.New("stringData is not a map of texts")
	}
	data, ok := obj.Object["data"].(map[string]any)
	if !ok {
		data = map[string]any{}
	}
	for name, value := range entries {
		plain, ok := value.(string)
		if !ok {
			return fmt.Errorf("the value of stringData %q is not a text; quote it", name)
		}
		data[name] = base64.StdEncoding.EncodeToString([]byte(plain))
	}
	if len(data) > 0 {
		obj.Object["data"] = data
	}
	return nil
}

// builtIn are the types of the built-in APIs and no others: the scheme that
// client-go shares with the whole process also has what anybody added to it.
var builtIn = sync.OnceValues(func() (*runtime.Scheme, error) {
	types := runtime.NewScheme()
	return types, scheme.AddToScheme(types)
})

// typed sends an object of a built-in type through that type, which drops
// fields the type does not have. Roles are left as written: their aggregation
// makes an absent rule list mean something else than an empty one.
func typed(obj *unstructured.Unstructured) error {
	gvk := obj.GroupVersionKind()
	if gvk.Group == "rbac.authorization.k8s.io" && (gvk.Kind == "Role" || gvk.Kind == "ClusterRole") {
		return nil
	}
	types, err := builtIn()
	if err != nil {
		return fmt.Errorf("collecting the built-in types: %w", err)
	}
	if !types.Recognizes(gvk) {
		return nil
	}
	value, err := types.New(gvk)
	if err != nil {
		return fmt.Errorf("making a %s: %w", gvk.Kind, err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, value); err != nil {
		if manifest.IsSecret(obj) {
			return errors.New("a field has the wrong type; data takes base64 texts, metadata takes texts")
		}
		return fmt.Errorf("a field has the wrong type: %w", err)
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(value)
	if err != nil {
		return fmt.Errorf("writing a %s: %w", gvk.Kind, err)
	}
	obj.Object = restrict(fields, obj.Object)
	obj.SetGroupVersionKind(gvk)
	return nil
}

// restrict keeps of what a type wrote only what the author wrote: a type writes
// zero values for fields that were never mentioned, and to apply them would be
// to own them.
func restrict(wrote, written map[string]any) map[string]any {
	for name, value := range wrote {
		original, mentioned := written[name]
		if !mentioned {
			delete(wrote, name)
			continue
		}
		wrote[name] = restrictValue(value, original)
	}
	return wrote
}

func restrictValue(value, original any) any {
	switch v := value.(type) {
	case map[string]any:
		if o, ok := original.(map[string]any); ok {
			return restrict(v, o)
		}
	case []any:
		o, ok := original.([]any)
		for i := range v {
			if ok && len(o) == len(v) {
				v[i] = restrictValue(v[i], o[i])
			}
		}
	}
	return value
}

// dropInvalidBundle removes a CA bundle that is no certificate from a
// definition's conversion webhook: tools leave a placeholder there that is
// filled in later, and the API server refuses it.
func dropInvalidBundle(obj *unstructured.Unstructured) error {
	path := []string{"spec", "conversion", "webhook", "clientConfig", "caBundle"}
	text, ok, err := unstructured.NestedString(obj.Object, path...)
	if err != nil {
		return errors.New("spec.conversion.webhook.clientConfig.caBundle is not a text")
	}
	if ok && !isBundle(text) {
		unstructured.RemoveNestedField(obj.Object, path...)
	}
	return nil
}

func isBundle(text string) bool {
	rest, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	found := false
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return false
		}
		found = true
	}
}

// podSpecs are where the kinds of the core API keep the specification of pods.
func podSpecs(gk string) []string {
	switch gk {
	case "Pod":
		return []string{"spec"}
	case "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps", "Job.batch", "ReplicationController":
		return []string{"spec", "template", "spec"}
	case "CronJob.batch":
		return []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	return nil
}

// defaultProtocols writes the default protocol of ports out. It is part of the
// key by which lists of ports are merged.
func defaultProtocols(obj *unstructured.Unstructured) error {
	gk := obj.GroupVersionKind().GroupKind().String()
	if gk == "Service" {
		defaultPorts(obj.Object, "spec")
		return nil
	}
	path := podSpecs(gk)
	if path == nil {
		return nil
	}
	for _, list := range []string{"containers", "initContainers"} {
		containers, _, err := unstructured.NestedFieldNoCopy(obj.Object, append(append([]string{}, path...), list)...)
		if err != nil {
			return fmt.Errorf("reading %s: a field on the way there is not a map", list)
		}
		items, _ := containers.([]any)
		for _, item := range items {
			if container, ok := item.(map[string]any); ok {
				defaultPorts(container)
			}
		}
	}
	return nil
}

func defaultPorts(fields map[string]any, path ...string) {
	value, _, err := unstructured.NestedFieldNoCopy(fields, append(path, "ports")...)
	if err != nil {
		return
	}
	ports, _ := value.([]any)
	for _, item := range ports {
		if port, ok := item.(map[string]any); ok && (port["protocol"] == nil || port["protocol"] == "") {
			port["protocol"] = "TCP"
		}
	}
}
