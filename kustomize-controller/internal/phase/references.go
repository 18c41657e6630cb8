package phase

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// parkFallback is how long a pass that waits for a watch rests when nothing wakes
// it.
const parkFallback = 30 * time.Second

// References finds out which versions of the ConfigMaps and Secrets there are that
// the unit works with.
type References struct {
	// Of lists what a unit refers to.
	Of func(unit *kustomizev1.Kustomization) []reference.Reference
	// Observe follows references and digests their versions; it is not ready until a
	// watch has seen all of them. Forget follows none any more.
	Observe func(ctx context.Context, unit types.NamespacedName, refs []reference.Reference) (digest string, ready bool, err error)
	Forget  func(unit types.NamespacedName)
}

// Run sets the digest of the versions.
func (p References) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	refs := p.Of(s.Object)
	if len(refs) == 0 {
		p.Forget(s.Unit)
		return reconciler.Continue()
	}
	digest, ready, err := p.Observe(ctx, s.Unit, refs)
	if err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonReconciliationFailed, err))
	}
	if !ready {
		return reconciler.Park(parkFallback)
	}
	s.References = digest
	return reconciler.Continue()
}
