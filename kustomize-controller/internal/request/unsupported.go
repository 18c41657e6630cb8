package request

import (
	"fmt"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// Unsupported names the first field that is set and that this version does not
// act on.
func Unsupported(unit *kustomizev1.Kustomization) string {
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
