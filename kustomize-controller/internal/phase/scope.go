package phase

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/pkg/apply/ignore"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/correction"
	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/plan"
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
	// State is what belongs to the unit; phases change it, and it is put back at the
	// end of the pass whatever the outcome (PutBack).
	State unitstate.State
	// Last is the attempt that the last pass left; see keepAttempt.
	Last unitstate.Attempt
	// Answered is the last request for which a new list of the live objects came.
	Answered string
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
	Attempt unitstate.Attempt
	// Resumed says that the inputs are those of an attempt whose objects are
	// applied already; set by inputs.
	Resumed bool
	// AuditDue says that every object is verified, RightsDue that it is because
	// somebody changed roles or bindings; set by inputs.
	AuditDue, RightsDue bool
	// Rights is the state of the cluster's roles and bindings, for a tenant; set by
	// inputs.
	Rights uint64
	// Built are the objects of the build, in the order of applying; set by build.
	Built *build.Result
	// Plan is what the pass does; its steps are in the order of Built. Set by plan.
	Plan plan.Plan
	// Deletion is what was decided about deletions; set by prune.
	Deletion deletion.Decision
	// Inventory is what the status is to show: Old until apply and prune change it.
	Inventory inventory.Inventory
	// InputsDigest binds the inputs to the inventory; set when the pass reached its
	// goal.
	InputsDigest string
	// ChangeLog lists what apply did, a line an object.
	ChangeLog []string
	// Healthy says how the health check ended; set by health, empty when none was
	// asked for.
	Healthy HealthCheck

	keeps bool
}

// HealthCheck is how a health check ended.
type HealthCheck string

// The ends of a health check.
const (
	HealthAwaited HealthCheck = "Awaited"
	HealthPassed  HealthCheck = "Passed"
	HealthFailed  HealthCheck = "Failed"
)

// keepAttempt lets the next pass go on from the present attempt. Without it the next
// pass goes on from the one before: a build or an apply that failed is made again.
func (s *Scope) keepAttempt() { s.keeps = true }

// reachGoal ends an attempt that reached its goal, and begins a new interval if the
// last one is over.
func (s *Scope) reachGoal() {
	s.Attempt.Complete = true
	if s.Due || s.State.Due.IsZero() {
		s.State.Due = s.Start.Add(dueAfter(s.Interval))
	}
	s.keepAttempt()
}

// dueAfter is how much of an interval has to pass for it to count as over: jitter may
// wake the unit a little early.
func dueAfter(interval time.Duration) time.Duration { return interval * 9 / 10 }

// Respecified reports that the spec is another than the one whose objects are
// applied, be they healthy yet or not.
func (s *Scope) Respecified() bool {
	awaiting := s.Last.Awaiting
	return s.Object.Generation != s.Object.Status.ObservedGeneration && (awaiting == nil || awaiting.Generation != s.Object.Generation)
}

// awaitedArtifact is the artifact whose objects are applied and not yet healthy, if
// the spec is still the one it was applied for.
func (s *Scope) awaitedArtifact() *meta.Artifact {
	awaiting := s.Last.Awaiting
	if awaiting == nil || s.Object.Generation != awaiting.Generation {
		return nil
	}
	return awaiting.Artifact
}

// warns reports that drift is reported and left.
func (s *Scope) warns() bool { return s.Object.GetDriftMode() == meta.DriftWarn }

// corrections is what the account of corrections has to know of the pass.
func (s *Scope) corrections() correction.Pass {
	return correction.Pass{Start: s.Start, Interval: s.Interval, Seen: s.Live.Objects}
}
