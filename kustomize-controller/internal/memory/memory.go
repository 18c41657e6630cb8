// Package memory keeps, for each Kustomization, what a pass learned and the next
// one can use: what the last build read, and how far the last attempt came.
// Nothing in it is needed to be right: a restart that loses it costs builds, not
// requests.
package memory

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// Attempt is the work on one set of inputs.
type Attempt struct {
	// Inputs is the digest of everything that can change the outcome.
	Inputs string
	// Shape is the digest of the inputs other than the artifact.
	Shape string
	// Artifact is the digest of the artifact.
	Artifact string
	// Recording is what the build read of the artifact.
	Recording record.Recording
	// Objects is the digest of what was built.
	Objects string
	// Desired are the identities that were built.
	Desired []inventory.ID
	// Ending are the objects of the build that come to an end and are gone then.
	Ending map[inventory.ID]bool
	// Complete says that apply, prune and health succeeded.
	Complete bool
	// Awaiting is set while the objects are applied and their health is awaited.
	Awaiting *Await
	// Judged holds what was found out about the health of awaited objects.
	Judged map[inventory.ID]Judged
}

// Judged is the health of an object at a resource version.
type Judged struct {
	Version string
	Status  health.Status
}

// Await is a wait for health.
type Await struct {
	// Since is when the wait began, Deadline when it ends.
	Since, Deadline time.Time
	// Artifact is what was applied, Generation the spec by which.
	Artifact   *meta.Artifact
	Generation int64
}

// Drift is a difference that was found and left.
type Drift struct {
	// Since is when it was first seen.
	Since time.Time
	// Gone says that the object is not there.
	Gone bool
	// By is who made it.
	By ownership.Writer
}

// String says what became of an object, and by whom.
func (d Drift) String(id inventory.ID) string {
	switch {
	case d.Gone:
		return id.Subject() + " is gone"
	case d.By.Manager == "":
		return id.Subject() + " was changed"
	}
	return id.Subject() + " was changed by " + d.By.String()
}

// Unit is what is remembered of one Kustomization.
type Unit struct {
	// Table is the live table that knows the inventory of the unit.
	Table *live.Table
	// Attempt is the last attempt that got as far as a build.
	Attempt Attempt
	// Due is when the interval next ends.
	Due time.Time
	// Asked is the request for which a new list of the live objects was asked for,
	// Fresh the one for which it came.
	Asked, Fresh string
	// Audit is when every object is next verified, whatever the watch says.
	Audit time.Time
	// Ledger is the inventory as it was written last. It stands in for what a
	// status cannot hold.
	Ledger inventory.Inventory
	// Downloads is how often the artifact could not be fetched in a row.
	Downloads int
	// Rights is the state of the cluster's roles and bindings at which every object
	// was last applied or verified.
	Rights uint64
	// Drift are the objects that were found to differ and are left, because the spec
	// asks for a warning only.
	Drift map[inventory.ID]Drift
	// Fights are the objects that somebody keeps changing.
	Fights map[inventory.ID]plan.Fight
}

// Memory holds the units of a process.
type Memory struct {
	mu    sync.Mutex
	units map[types.NamespacedName]*entry
	// doubted are the sources whose indexes were found wrong; true once told.
	doubted map[string]bool
}

type entry struct {
	uid  types.UID
	unit Unit
}

// New returns an empty memory.
func New() *Memory {
	return &Memory{units: map[types.NamespacedName]*entry{}, doubted: map[string]bool{}}
}

// Distrust remembers that a source published an index which does not describe
// its artifact.
func (m *Memory) Distrust(source string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.doubted[source]; !known {
		m.doubted[source] = false
	}
}

// Trusts reports whether the indexes of a source are believed.
func (m *Memory) Trusts(source string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, doubted := m.doubted[source]
	return !doubted
}

// Tell reports whether a distrusted source is still to be told about, once.
func (m *Memory) Tell(source string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	told, doubted := m.doubted[source]
	if doubted {
		m.doubted[source] = true
	}
	return doubted && !told
}

// Get returns what is remembered of a unit; a unit that was deleted and made
// anew is another one.
func (m *Memory) Get(name types.NamespacedName, uid types.UID) Unit {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.units[name]; ok && e.uid == uid {
		return e.unit
	}
	return Unit{}
}

// Put remembers a unit.
func (m *Memory) Put(name types.NamespacedName, uid types.UID, unit Unit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.units[name] = &entry{uid: uid, unit: unit}
}

// Update changes what is remembered of a unit, if anything is.
func (m *Memory) Update(name types.NamespacedName, uid types.UID, change func(*Unit)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.units[name]; ok && e.uid == uid {
		change(&e.unit)
	}
}

// Forget drops a unit.
func (m *Memory) Forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.units, name)
}

// Attempt returns the last attempt of a unit.
func (m *Memory) Attempt(name types.NamespacedName) Attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.units[name]; ok {
		return e.unit.Attempt
	}
	return Attempt{}
}
