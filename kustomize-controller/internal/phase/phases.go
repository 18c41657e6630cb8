package phase

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/cluster"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/dependency"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/reference"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/snapshot"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Phases does the work of the phases that reach outside.
type Phases struct {
	// Source returns the source of a Kustomization, or nil.
	Source func(ctx context.Context, unit *kustomizev1.Kustomization) (meta.Source, error)
	// Siblings returns the other Kustomizations made from the same source.
	Siblings func(ctx context.Context, unit *kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error)
	// Place returns the cluster that a Kustomization is applied to, under the
	// identity that it is applied with.
	Place func(ctx context.Context, unit *kustomizev1.Kustomization) (*cluster.Handle, error)
	// Leave drops what every cluster knows of a Kustomization.
	Leave func(types.NamespacedName)
	// Rights counts the changes of roles and bindings in the controller's cluster.
	Rights func() uint64
	// Wake makes a unit be reconciled.
	Wake func(types.NamespacedName)
	// Answer makes a unit be reconciled that asked how things are in its cluster.
	Answer func(types.NamespacedName)

	// Expressions compiles what specs say in CEL.
	Expressions *request.Expressions

	Dependencies *dependency.Checker
	Inputs       *inputs.Inputs
	Builder      *build.Builder
	References   *reference.Store
	Memory       *memory.Memory
	// Snapshots keeps what was pruned.
	Snapshots *snapshot.Store
	// Budget bounds what a pass deletes without consent.
	Budget plan.Budget
	// Key keys the ledger.
	Key inventory.Key
	// Allow says which of the optional kinds of reference are acted on.
	Allow Allow
	// Switches turn single mechanisms off.
	Switches Switches
	// Downloads is how often a download is tried again before it is a failure.
	Downloads int
	// Disagreed counts an object that an audit found to differ.
	Disagreed func()
	// Drifting shows how many objects of a unit differ and are left.
	Drifting func(unit types.NamespacedName, objects int)
	Clock    clock.WithTicker
}

// Allow says what units may ask for.
type Allow struct {
	// CrossNamespace allows references into other namespaces.
	CrossNamespace bool
	// ExternalArtifact allows sources that others than source-controller offer.
	ExternalArtifact bool
	// WorkloadIdentity allows units to name the ServiceAccount under which key
	// services and other clusters are reached.
	WorkloadIdentity bool
}

// Switches turn single mechanisms off, for those who want to compare, or to find
// out which of them is to blame.
type Switches struct {
	// NoSkips builds at every pass.
	NoSkips bool
	// NoLedger applies every object at every build.
	NoLedger bool
	// NoWatch verifies every object at the interval instead of watching it.
	NoWatch bool
	// NoFailFast waits for the deadline although an object has failed.
	NoFailFast bool
	// NoCancel waits for the health of one revision before it looks at the next.
	NoCancel bool
	// GroupLog logs what was applied by kind.
	GroupLog bool
}

// List returns the phases of a pass over a living Kustomization, in order.
func (p *Phases) List() []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{
		{Name: "accept", Run: p.accept},
		{Name: "source", Run: p.source},
		{Name: "dependencies", Run: p.dependencies},
		{Name: "references", Run: p.references},
		{Name: "cluster", Run: p.cluster},
		{Name: "inputs", Run: p.inputs, Progress: fetching},
		{Name: "build", Run: p.build, Progress: building},
		{Name: "plan", Run: p.plan, Progress: detecting},
		{Name: "apply", Run: p.apply, Progress: detecting},
		{Name: "prune", Run: p.prune, Progress: detecting},
		{Name: "health", Run: p.health, Progress: checking},
	}
}

// Finalize returns the phases of a pass over a deleted Kustomization.
func (p *Phases) Finalize() []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{{Name: "finalize", Run: p.finalize}}
}

// Forget drops what is known of a unit that is gone.
func (p *Phases) Forget(unit types.NamespacedName) {
	p.Leave(unit)
	p.Drifting(unit, 0)
	p.References.Forget(unit)
	p.Builder.Forget(unit)
	p.Memory.Forget(unit)
}

func fetching(s *Scope) string {
	return fmt.Sprintf("Fetching manifests for revision %s with a timeout of %s", s.Artifact.Revision, s.Timeout)
}

func building(s *Scope) string {
	return fmt.Sprintf("Building manifests for revision %s with a timeout of %s", s.Artifact.Revision, s.Timeout)
}

func detecting(s *Scope) string {
	return fmt.Sprintf("Detecting drift for revision %s with a timeout of %s", s.Artifact.Revision, s.Timeout)
}

func checking(s *Scope) string {
	return fmt.Sprintf("Running health checks for revision %s with a timeout of %s", s.Artifact.Revision, s.Timeout)
}

// applied ends a pass that reached its goal.
func applied(s *Scope) reconciler.Outcome {
	return reconciler.Done(meta.ReasonReconciliationSucceeded, "Applied revision: "+s.Artifact.Revision)
}
