package phase

import (
	"context"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

// accept refuses what this version does not act on, and references that are not
// allowed.
func (p *Phases) accept(_ context.Context, s *Scope) reconciler.Outcome {
	if field := request.Unsupported(s.Object); field != "" {
		return reconciler.Fail(fault.Stalled(meta.ReasonFieldNotSupported,
			fmt.Errorf("reading %s: this version does not act on it", field), fault.Hint("remove the field")))
	}
	ref := s.Object.Spec.SourceRef
	err := tenancy.CheckReference("spec.sourceRef", s.Unit.Namespace, ref.Namespace, p.NoCrossNamespace)
	for i, dep := range s.Object.Spec.DependsOn {
		if err == nil {
			err = tenancy.CheckReference(fmt.Sprintf("spec.dependsOn[%d]", i), s.Unit.Namespace, dep.Namespace, p.NoCrossNamespace)
		}
	}
	return reconciler.Fail(err)
}
