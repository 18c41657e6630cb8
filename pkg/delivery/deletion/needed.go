package deletion

import (
	"fmt"
	"iter"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Kinds whose objects take others with them when they go.
var (
	namespaceKind  = schema.GroupKind{Kind: "Namespace"}
	definitionKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
)

// Needed returns which of the stale objects would take others with them that are to
// stay, and says what those are, in words that follow the name of the object: a
// Namespace in which one lives, a CustomResourceDefinition of whose kind one is.
//
// stay are the objects that stay, each with whose they are ("this build"); those that
// are stale themselves are passed over. kindOf returns the kind that a resource of the
// cluster has.
func Needed(stale []inventory.Entry, stay iter.Seq2[inventory.ID, string], kindOf func(schema.GroupResource) (schema.GroupKind, bool)) map[inventory.ID]string {
	goes := map[inventory.ID]bool{}
	namespaces, kinds := map[string]inventory.ID{}, map[schema.GroupKind]inventory.ID{}
	for _, e := range stale {
		goes[e.ID] = true
		switch e.GroupKind() {
		case namespaceKind:
			namespaces[e.Name] = e.ID
		case definitionKind:
			resource, group, _ := strings.Cut(e.Name, ".")
			if gk, ok := kindOf(schema.GroupResource{Group: group, Resource: resource}); ok {
				kinds[gk] = e.ID
			}
		}
	}
	if len(namespaces)+len(kinds) == 0 {
		return nil
	}
	found := map[inventory.ID]*dependents{}
	note := func(on, id inventory.ID, verb, whose string) {
		if found[on] == nil {
			found[on] = &dependents{verb: verb}
		}
		found[on].add(id, whose)
	}
	for id, whose := range stay {
		if goes[id] {
			continue
		}
		if on, ok := namespaces[id.Namespace]; ok && id.Namespace != "" {
			note(on, id, "holds", whose)
		}
		if on, ok := kinds[id.GroupKind()]; ok {
			note(on, id, "defines", whose)
		}
	}
	needed := make(map[inventory.ID]string, len(found))
	for id, d := range found {
		needed[id] = d.String()
	}
	return needed
}

// dependents are the objects that go with another. The first in order is named, so
// that the text stays the same from pass to pass.
type dependents struct {
	verb, first, whose string
	count              int
}

func (d *dependents) add(id inventory.ID, whose string) {
	d.count++
	if subject := id.Subject(); d.count == 1 || subject < d.first {
		d.first, d.whose = subject, whose
	}
}

func (d *dependents) String() string {
	if d.count == 1 {
		return fmt.Sprintf("%s %s of %s", d.verb, d.first, d.whose)
	}
	return fmt.Sprintf("%s %s of %s and %d more", d.verb, d.first, d.whose, d.count-1)
}
