package request

import (
	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// Cluster names the cluster that a unit is applied to: empty for the one the
// controller runs in.
func Cluster(unit *kustomizev1.Kustomization) string {
	if unit.Spec.KubeConfig == nil {
		return ""
	}
	ref := ClusterReference(unit)
	name := ref.Kind + "/" + ref.Namespace + "/" + ref.Name
	if secret := unit.Spec.KubeConfig.SecretRef; secret != nil && secret.Key != "" {
		name += "/" + secret.Key
	}
	return name
}

// PublishesIndex reports whether the index that the source of a unit publishes is
// believed: only source-controller keeps others from setting it.
func PublishesIndex(unit *kustomizev1.Kustomization) bool {
	return unit.Spec.SourceRef.Kind != sourcev1.ExternalArtifactKind
}
