// Package normal brings built objects into the form in which they are digested,
// compared and applied. It is a model package: objects in, objects out.
package normal

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

var definition = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// Object brings a built object into the form in which it is digested and
// applied: labels of the owning unit on, status off, Secret text folded into data,
// defaults written out where server-side apply needs them as list keys, and what a
// built-in type reads as absent left out. Fields that a type does not have stay: the
// API server, which may be newer or older than this program, decides about them.
// Doing it twice changes nothing.
func Object(obj *unstructured.Unstructured, unit live.Unit, owner *ownership.Owner) error {
	if err := normalize(obj); err != nil {
		return fmt.Errorf("normalising %s: %w", inventory.IDOf(obj).Subject(), err)
	}
	owner.Label(obj, unit)
	return nil
}

func normalize(obj *unstructured.Unstructured) error {
	gk := obj.GroupVersionKind().GroupKind()
	if gk != definition {
		delete(obj.Object, "status") // before anything reads it: it is the server's
	}
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
	if gk == definition {
		return dropInvalidBundle(obj)
	}
	return defaultProtocols(obj)
}

// foldStringData moves stringData into data, where it wins. The API server does
// the same, but a write-only field cannot be compared or owned.
func foldStringData(obj *unstructured.Unstructured) error {
	text, ok := obj.Object["stringData"]
	if !ok {
		return nil
	}
	entries, ok := text.(map[string]any)
	if !ok && text != nil {
		return fieldError(".stringData", "a map", text)
	}
	data, ok := obj.Object["data"].(map[string]any)
	if !ok && obj.Object["data"] != nil {
		return fieldError(".data", "a map", obj.Object["data"])
	}
	delete(obj.Object, "stringData")
	folded := make(map[string]any, len(data)+len(entries))
	maps.Copy(folded, data)
	for name, value := range entries {
		plain, ok := value.(string)
		if !ok && value != nil {
			return fmt.Errorf("the value of stringData %q is not a text; quote it", name)
		}
		folded[name] = base64.StdEncoding.EncodeToString([]byte(plain))
	}
	if len(folded) > 0 {
		obj.Object["data"] = folded
	}
	return nil
}

// dropInvalidBundle removes a CA bundle that is no certificate from a
// definition's conversion webhook: tools leave a placeholder there that is
// filled in later, and the API server refuses it.
func dropInvalidBundle(obj *unstructured.Unstructured) error {
	path := []string{"spec", "conversion", "webhook", "clientConfig", "caBundle"}
	text, ok, err := unstructured.NestedString(obj.Object, path...)
	if err != nil {
		return errors.New(".spec.conversion.webhook.clientConfig.caBundle: a string is expected")
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
