package ownership

import (
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
)

// Unit names the object that owns others.
type Unit = types.NamespacedName

// Names are what a controller is called on the objects that it applies. They are
// part of its API: another name makes all that it applied before somebody else's.
type Names struct {
	// Manager is the field manager that applied fields belong to.
	Manager string
	// NameLabel and NamespaceLabel are the labels that name the owning unit.
	NameLabel, NamespaceLabel string
	// PolicyPrefix starts the annotations and labels by which an object asks for a
	// policy, with its slash.
	PolicyPrefix string
}

// validate finds a name that is missing. None has a default: that of one
// controller would make another one write in its name.
func (n Names) validate() error {
	for field, value := range map[string]string{
		"Manager": n.Manager, "NameLabel": n.NameLabel, "NamespaceLabel": n.NamespaceLabel, "PolicyPrefix": n.PolicyPrefix,
	} {
		if value == "" {
			return fmt.Errorf("%s is empty", field)
		}
	}
	if !strings.HasSuffix(n.PolicyPrefix, "/") {
		return errors.New("PolicyPrefix does not end in a slash")
	}
	return nil
}

// Owner is a controller that applies objects for units. It is safe for concurrent
// use.
type Owner struct {
	names Names
	rules []rule
	// canonical are field sets in their one spelling, by digest, of up to maxCanonical
	// bytes each. Objects of one kind have much the same fields, and most changes
	// leave them as they are.
	canonical *lru.Cache
}

// New returns the owner that is called by names. The fields of the managers of the
// contract become its own, and so do those of managers whose names start with one
// of taken.
func New(names Names, taken ...string) (*Owner, error) {
	if err := names.validate(); err != nil {
		return nil, fmt.Errorf("naming the owner of objects: %w", err)
	}
	return &Owner{names: names, rules: rulesOf(names.Manager, taken), canonical: lru.New(maxSpellings)}, nil
}

// Names returns what the owner is called.
func (o *Owner) Names() Names { return o.names }

// UnitOf returns the unit that the owner labels of an object name.
func (o *Owner) UnitOf(obj metav1.Object) Unit {
	labels := obj.GetLabels()
	return Unit{Namespace: labels[o.names.NamespaceLabel], Name: labels[o.names.NameLabel]}
}

// Label puts the labels that name a unit on an object.
func (o *Owner) Label(obj metav1.Object, unit Unit) {
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[o.names.NameLabel], labels[o.names.NamespaceLabel] = unit.Name, unit.Namespace
	obj.SetLabels(labels)
}

// Applied reports that our Apply entry is on an object.
func (o *Owner) Applied(obj metav1.Object) bool { return o.entry(obj) != nil }

// Created reports that an object was created, rather than applied, in our name.
func (o *Owner) Created(obj metav1.Object) bool {
	entries := obj.GetManagedFields()
	for i := range entries {
		e := &entries[i]
		if e.Manager == o.names.Manager && e.Operation == metav1.ManagedFieldsOperationUpdate && e.Subresource == "" {
			return true
		}
	}
	return false
}

// Owns reports that an entry is what we applied.
func (o *Owner) Owns(e *metav1.ManagedFieldsEntry) bool {
	return e.Manager == o.names.Manager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == ""
}

// entry returns our Apply entry, or nil.
func (o *Owner) entry(obj metav1.Object) *metav1.ManagedFieldsEntry {
	entries := obj.GetManagedFields()
	for i := range entries {
		if e := &entries[i]; o.Owns(e) {
			return e
		}
	}
	return nil
}
