package plan_test

import (
	"fmt"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/plan"
)

// A pass has a build, the inventory of the pass before and what a watch has seen
// of the live objects. The plan says what to do about each object.
func ExampleCompute() {
	key := inventory.Key("secret")
	object := func(name string) inventory.ID {
		return inventory.ID{Namespace: "shop", Name: name, Kind: "ConfigMap"}
	}
	recorded := func(name, content string) inventory.Entry {
		return inventory.Entry{ID: object(name), Version: "v1", Record: inventory.Record{Desired: key.Desired([]byte(content))}}
	}
	built := func(name, content string) plan.Desired {
		return plan.Desired{ID: object(name), Digest: key.Desired([]byte(content))}
	}

	p := plan.Compute(plan.Input{
		Old:     inventory.Of(recorded("same", "one"), recorded("edited", "one"), recorded("changed", "one"), recorded("removed", "one")),
		Desired: []plan.Desired{built("same", "one"), built("edited", "one"), built("changed", "two"), built("new", "one")},
		// Somebody edited a live object; nothing is known against the others.
		Live:     map[inventory.ID]drift.State{object("edited"): drift.Dirty},
		Watching: true, Prune: true,
	})

	names := map[plan.Action]string{plan.Keep: "keep", plan.Verify: "verify", plan.Apply: "apply"}
	for _, step := range p.Steps {
		fmt.Printf("%s %s\n", names[step.Action], step.Name)
	}
	for _, entry := range p.Stale {
		fmt.Println("delete", entry.ID.Name)
	}
	// Output:
	// keep same
	// apply edited
	// apply changed
	// apply new
	// delete removed
}
