package phase

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/cluster"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/pkg/apply/ignore"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Scope is what one pass over a Kustomization knows.
type Scope struct {
	reconciler.Pass

	// Set before the first phase.

	// Object is the Kustomization; phases read its spec and its old status.
	Object *kustomizev1.Kustomization
	// Unit is its name.
	Unit types.NamespacedName
	// Interval, Retry and Timeout are its durations.
	Interval, Retry, Timeout time.Duration
	// Memory is what the last pass left; what this pass leaves is put back by the
	// phases that change it.
	Memory memory.Unit
	// Old is the inventory before the pass, Unreadable its entries that this
	// version cannot read and keeps.
	Old        inventory.Inventory
	Unreadable []meta.ResourceRef
	// Due says that the interval has passed, that somebody asked, or that the
	// spec changed. Source adds a new revision to it.
	Due bool

	// Rules judge the health of kinds, Ignore says which fields are left to others,
	// Ready has the expression of each dependency or nil; set by accept.
	Rules  health.Rules
	Ignore ignore.Rules
	Ready  []*depends.ReadyExpr
	// Artifact is what is to be applied; set by source.
	Artifact *meta.Artifact
	// Behind says that there is a newer artifact, which waits for its turn; set by
	// source.
	Behind bool
	// References digests the versions of what the spec refers to; set by references.
	References string
	// Cluster is where the unit is applied; set by cluster.
	Cluster *cluster.Handle
	// Live is what is known of the live objects; set by inputs.
	Live live.Judgement
	// Attempt is the work on the present inputs; begun by inputs.
	Attempt memory.Attempt
	// Resumed says that the inputs are those of an attempt whose objects are
	// applied already; set by inputs.
	Resumed bool
	// Rights is the state of the cluster's roles and bindings, for a tenant; set by
	// inputs.
	Rights uint64
	// Desired are the objects of the build; set by build.
	Desired []plan.Desired
	// Plan is what the pass does; set by plan.
	Plan plan.Plan
	// Pruning is what was decided about deletions; set by prune.
	Pruning plan.Verdict
	// Inventory is what the status is to show: Old until apply and prune change it.
	Inventory inventory.Inventory
	// Seal binds the inputs to the inventory; set when the pass reached its goal.
	Seal string
	// ChangeLog lists what apply did, a line an object.
	ChangeLog []string
	// Healthy says how the health check ended; set by health, empty when none was
	// asked for.
	Healthy Health
}

// Health is how a health check ended.
type Health string

// The ends of a health check.
const (
	HealthAwaited Health = "Awaited"
	HealthPassed  Health = "Passed"
	HealthFailed  Health = "Failed"
)

// remember puts what the pass learned back.
func (p *Phases) remember(s *Scope) {
	s.Memory.Attempt, s.Memory.Ledger = s.Attempt, s.Inventory
	p.Memory.Put(s.Unit, s.Object.UID, s.Memory)
}

// Respecified reports that the spec is another than the one whose objects are
// applied, be they well yet or not.
func (s *Scope) Respecified() bool {
	awaiting := s.Memory.Attempt.Awaiting
	return s.Object.Generation != s.Object.Status.ObservedGeneration && (awaiting == nil || awaiting.Generation != s.Object.Generation)
}

// awaitedArtifact is the artifact whose objects are applied and not yet well, if
// the spec is still the one it was applied for.
func (s *Scope) awaitedArtifact() *meta.Artifact {
	awaiting := s.Memory.Attempt.Awaiting
	if awaiting == nil || s.Object.Generation != awaiting.Generation {
		return nil
	}
	return awaiting.Artifact
}
