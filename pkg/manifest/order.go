package manifest

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// early are the kinds that others need, in the order in which they are applied.
// Kinds of any group count: a Service of another API is applied where a core one
// would be.
func early() []string {
	return []string{
		"CustomResourceDefinition", "Namespace", "ClusterRole", "ClusterClass", "RuntimeClass", "PriorityClass",
		"StorageClass", "VolumeSnapshotClass", "IngressClass", "GatewayClass", "ClusterRoleBinding", "ResourceQuota",
		"ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret", "Service", "LimitRange", "Deployment",
		"StatefulSet", "CronJob", "PodDisruptionBudget",
	}
}

// late are the kinds that change what happens to all others.
func late() []string {
	return []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
}

// Rank returns where a kind stands in the order of applying, lowest first. Kinds
// of equal rank do not wait for each other. Deletion goes the other way.
func Rank(gk schema.GroupKind) int {
	if i := slices.Index(early(), gk.Kind); i >= 0 {
		return i
	}
	rest := len(early())
	if i := slices.Index(late(), gk.Kind); i >= 0 {
		return rest + 1 + i
	}
	return rest
}

// Compare orders objects by rank; those of no particular rank by group and kind;
// then by namespace and name. It is total: only equal identities compare equal.
func Compare(a, b *unstructured.Unstructured) int {
	left, right := keyOf(a), keyOf(b)
	return left.compare(right)
}

// Sort puts objects in the order of applying.
func Sort(objects []*unstructured.Unstructured) {
	type keyed struct {
		key key
		obj *unstructured.Unstructured
	}
	all := make([]keyed, len(objects))
	for i, obj := range objects {
		all[i] = keyed{keyOf(obj), obj}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return a.key.compare(b.key) })
	for i, k := range all {
		objects[i] = k.obj
	}
}

type key struct {
	rank                         int
	group, kind, namespace, name string
}

func keyOf(obj *unstructured.Unstructured) key {
	gk := obj.GroupVersionKind().GroupKind()
	return key{Rank(gk), gk.Group, gk.Kind, obj.GetNamespace(), obj.GetName()}
}

func (k key) compare(other key) int {
	byKind := cmp.Or(cmp.Compare(k.group, other.group), cmp.Compare(k.kind, other.kind))
	byName := cmp.Or(cmp.Compare(k.namespace, other.namespace), cmp.Compare(k.name, other.name))
	if k.rank == len(early()) {
		return cmp.Or(cmp.Compare(k.rank, other.rank), byKind, byName)
	}
	return cmp.Or(cmp.Compare(k.rank, other.rank), byName, byKind)
}
