// Package testowner is a controller that applies objects in tests. No real one has
// its names, so that a test which passes with them shows that the code under test
// takes its names from its caller.
package testowner

import (
	"testing"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// What the controller is called.
const (
	Manager        = "test-manager"
	Prefix         = "test.capstan.dev/"
	NameLabel      = Prefix + "name"
	NamespaceLabel = Prefix + "namespace"
)

// Names returns what the controller is called.
func Names() ownership.Names {
	return ownership.Names{Manager: Manager, NameLabel: NameLabel, NamespaceLabel: NamespaceLabel, PolicyPrefix: Prefix}
}

// New returns the controller, which also takes over the fields of the managers
// taken.
func New(tb testing.TB, taken ...string) *ownership.Owner {
	tb.Helper()
	o, err := ownership.New(Names(), taken...)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}
