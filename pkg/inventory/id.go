package inventory

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	fieldSeparator = "_"
	colonEscape    = "__"
	rbacGroup      = "rbac.authorization.k8s.io"
)

// ID identifies an object in a cluster independently of its API version. The
// namespace of a cluster-scoped object and the group of a core object are empty.
type ID struct {
	Namespace string
	Name      string
	Group     string
	Kind      string
}

// IDOf returns the identity of an object.
func IDOf(obj *unstructured.Unstructured) ID {
	gvk := obj.GroupVersionKind()
	return ID{Namespace: obj.GetNamespace(), Name: obj.GetName(), Group: gvk.Group, Kind: gvk.Kind}
}

// ParseID reads the wire form <namespace>_<name>_<group>_<kind>.
func ParseID(text string) (ID, error) {
	namespace, rest, ok := strings.Cut(text, fieldSeparator)
	kindAt := strings.LastIndex(rest, fieldSeparator)
	if !ok || kindAt < 0 {
		return ID{}, fmt.Errorf("reading inventory entry %q: it has not the form <namespace>_<name>_<group>_<kind>", text)
	}
	kind, rest := rest[kindAt+1:], rest[:kindAt]
	groupAt := strings.LastIndex(rest, fieldSeparator)
	if groupAt < 0 {
		return ID{}, fmt.Errorf("reading inventory entry %q: it has not the form <namespace>_<name>_<group>_<kind>", text)
	}
	id := ID{Namespace: namespace, Name: rest[:groupAt], Group: rest[groupAt+1:], Kind: kind}
	if id.Group == rbacGroup {
		id.Name = strings.ReplaceAll(id.Name, colonEscape, ":")
	}
	if id.Name == "" || id.Kind == "" {
		return ID{}, fmt.Errorf("reading inventory entry %q: name and kind must not be empty", text)
	}
	return id, nil
}

// String returns the wire form of the identity.
func (id ID) String() string {
	name := id.Name
	if id.Group == rbacGroup {
		name = strings.ReplaceAll(name, ":", colonEscape)
	}
	return strings.Join([]string{id.Namespace, name, id.Group, id.Kind}, fieldSeparator)
}

// GroupKind returns the kind of the object.
func (id ID) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: id.Group, Kind: id.Kind}
}

// Subject names the object as messages do: Kind/namespace/name, or Kind/name
// for an object without a namespace.
func (id ID) Subject() string {
	if id.Namespace == "" {
		return id.Kind + "/" + id.Name
	}
	return id.Kind + "/" + id.Namespace + "/" + id.Name
}
