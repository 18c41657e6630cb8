// Package unitstate says what is remembered of each Kustomization between passes.
package unitstate

import (
	"time"

	"github.com/capstan-gitops/capstan/pkg/delivery/await"
	"github.com/capstan-gitops/capstan/pkg/delivery/correction"
	"github.com/capstan-gitops/capstan/pkg/delivery/unitstate"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/live"
)

// Store keeps the units of a process.
type Store = unitstate.Store[Unit]

// New returns an empty store.
func New() *Store { return unitstate.New[Unit]() }

// Unit is what is remembered of one Kustomization.
type Unit struct {
	// State belongs to the unit. Every pass puts it back, whatever its outcome.
	State State
	// Attempt is the last attempt that the next pass can go on from.
	Attempt Attempt
}

// State is what belongs to a unit, not to one attempt.
type State struct {
	// Corrections are the fights, the drift that is left, and the next audit.
	Corrections correction.State
	// Table is the live table that knows the inventory of the unit.
	Table *live.Table
	// Due is when the interval next ends.
	Due time.Time
	// Asked is the request for which a new list of the live objects was asked for.
	Asked string
	// Ledger is the inventory as the last pass left it. It stands in for what a
	// status cannot hold.
	Ledger inventory.Inventory
	// Downloads is how often the artifact could not be fetched in a row.
	Downloads int
	// Rights is the state of the cluster's roles and bindings at which every object
	// was last applied or verified.
	Rights uint64
	// Failing is the inputs digest of the last pass if it failed.
	Failing string
}

// Attempt is the work on one set of inputs.
type Attempt struct {
	// Inputs is the digest of everything that can change the outcome.
	Inputs string
	// Settings is the digest of the inputs other than the artifact.
	Settings string
	// Artifact is the digest of the artifact.
	Artifact string
	// Recording is what the build read of the artifact.
	Recording record.Recording
	// Objects is the digest of what was built.
	Objects string
	// Desired are the identities that were built.
	Desired []inventory.ID
	// Transient are the objects of the build that are deleted once they completed.
	Transient map[inventory.ID]bool
	// Complete says that apply, prune and health succeeded.
	Complete bool
	// Awaiting is set while the objects are applied and their health is awaited.
	Awaiting *await.Wait
	// Judged holds what was found out about the health of awaited objects.
	Judged map[inventory.ID]await.Judged
}
