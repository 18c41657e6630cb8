package health

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var helmRepositoryKind = schema.GroupKind{Group: "source.toolkit.fluxcd.io", Kind: "HelmRepository"}

// readHelmRepository judges a repository of type oci, which nothing reconciles:
// its status keeps the default that says it was never observed, and who waited
// for that would wait forever. Other types follow the general rules.
func readHelmRepository(obj *unstructured.Unstructured) (Assessment, bool) {
	if kind, _, err := unstructured.NestedString(obj.Object, "spec", "type"); err != nil || kind != "oci" {
		return Assessment{}, false
	}
	return static(), true
}

// static judges objects that are configuration only.
func static() Assessment {
	return Assessment{Status: Current, Message: "The object needs no reconciliation"}
}
