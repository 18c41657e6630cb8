package main

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// chat returns the objects that have everything reported in a chat at the address.
func chat(address string) []*unstructured.Unstructured {
	notification := func(kind, name string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": kind,
			"metadata": map[string]any{"name": name, "namespace": "flux-system"}, "spec": spec,
		}}
	}
	everything := func(kind string) map[string]any { return map[string]any{"kind": kind, "name": "*"} }
	return []*unstructured.Unstructured{
		notification("Provider", "chat", map[string]any{"type": "slack", "channel": "deployments", "address": address + "/demo"}),
		notification("Alert", "everything", map[string]any{
			"providerRef": map[string]any{"name": "chat"}, "eventSeverity": "info",
			"eventSources": []any{everything("GitRepository"), everything("Kustomization")},
		}),
	}
}
