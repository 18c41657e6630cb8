package phase

import (
	"context"
	"fmt"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

// accept refuses what this version does not act on, and references that are not
// allowed.
func (p *Phases) accept(_ context.Context, s *Scope) reconciler.Outcome {
	if field := unsupported(s.Object); field != "" {
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

// unsupported names the first field that is set and that this version does not
// act on.
func unsupported(unit *kustomizev1.Kustomization) string {
	spec := &unit.Spec
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"spec.sourceRef.kind " + spec.SourceRef.Kind, spec.SourceRef.Kind != sourcev1.GitRepositoryKind},
		{"spec.decryption", spec.Decryption != nil},
		{"spec.kubeConfig", spec.KubeConfig != nil},
		{"spec.serviceAccountName", spec.ServiceAccountName != ""},
		{"spec.postBuild.substituteFrom", spec.PostBuild != nil && len(spec.PostBuild.SubstituteFrom) > 0},
		{"spec.ignore", len(spec.Ignore) > 0},
		{"spec.driftDetection.mode " + string(meta.DriftWarn), unit.GetDriftMode() == meta.DriftWarn},
	} {
		if field.set {
			return field.name
		}
	}
	for i, dep := range spec.DependsOn {
		if dep.ReadyExpr != "" {
			return fmt.Sprintf("spec.dependsOn[%d].readyExpr", i)
		}
	}
	return ""
}
