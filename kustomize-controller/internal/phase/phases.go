package phase

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// Names of the phases that the status derives conditions from.
const (
	NameHealth = "health"
)

// Phases does the work of the phases that reach outside.
type Phases struct {
	// Source returns the source of a Kustomization from the cache, or nil.
	Source func(ctx context.Context, unit *kustomizev1.Kustomization) (meta.Source, error)
	// Unit returns another Kustomization from the cache, or nil.
	Unit func(ctx context.Context, name types.NamespacedName) (*kustomizev1.Kustomization, error)
	// Siblings returns the other Kustomizations made from the same source.
	Siblings func(ctx context.Context, unit *kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error)
	// Read returns a live object, or nil when there is none.
	Read func(ctx context.Context, id inventory.ID, version string) (*unstructured.Unstructured, error)
	// Wake makes a unit be reconciled.
	Wake func(types.NamespacedName)

	Artifacts *artifact.Cache
	Builder   *kustomize.Builder
	Live      *live.Table
	Applier   *apply.Applier
	Memory    *memory.Memory
	// Key keys the ledger.
	Key inventory.Key
	// Build names the binary: another one may build something else.
	Build string
	// Strict refuses references to variables that are not set.
	Strict bool
	// FailFast ends a wait for health as soon as one object failed.
	FailFast bool
	// Switches turn single mechanisms off.
	Switches Switches
	// Disagreed counts an object that an audit found to differ.
	Disagreed func()
	// NoCrossNamespace refuses references into other namespaces.
	NoCrossNamespace bool
	Clock            clock.WithTicker
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
}

// List returns the phases of a pass over a living Kustomization, in order.
func (p *Phases) List() []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{
		{Name: "accept", Run: p.accept},
		{Name: "source", Run: p.source},
		{Name: "dependencies", Run: p.dependencies},
		{Name: "inputs", Run: p.inputs, Progress: fetching},
		{Name: "build", Run: p.build, Progress: building},
		{Name: "plan", Run: p.plan, Progress: detecting},
		{Name: "apply", Run: p.apply, Progress: detecting},
		{Name: "prune", Run: p.prune, Progress: detecting},
		{Name: NameHealth, Run: p.health, Progress: checking},
	}
}

// Finalize returns the phases of a pass over a deleted Kustomization.
func (p *Phases) Finalize() []reconciler.Phase[*Scope] {
	return []reconciler.Phase[*Scope]{{Name: "finalize", Run: p.finalize}}
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
