package request

import (
	"fmt"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/pkg/delivery/placement"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
)

// Installation is what the flags of the controller give to all units.
type Installation struct {
	// Namespace is where the controller runs.
	Namespace string
	// AgeSecret has the age keys of units that name none, VaultConfigMap the Vault
	// instances that are logged in to; both are names in Namespace, or empty.
	AgeSecret, VaultConfigMap string
}

// References lists what a unit refers to, and what the installation adds for it,
// in the order of the spec.
func (i Installation) References(unit *kustomizev1.Kustomization) []reference.Reference {
	var refs []reference.Reference
	if unit.Spec.KubeConfig != nil {
		refs = append(refs, placement.Reference(unit.Namespace, unit.Spec.KubeConfig))
	}
	if unit.Spec.Decryption != nil {
		for _, ref := range []*reference.Reference{i.KeyReference(unit), i.VaultReference()} {
			if ref != nil {
				refs = append(refs, *ref)
			}
		}
	}
	return append(refs, VariableReferences(unit)...)
}

// KeyReference is the Secret with the keys that a unit decrypts with, or nil.
func (i Installation) KeyReference(unit *kustomizev1.Kustomization) *reference.Reference {
	switch d := unit.Spec.Decryption; {
	case d.SecretRef != nil:
		return &reference.Reference{Field: "spec.decryption.secretRef", Kind: reference.KindSecret, Namespace: unit.Namespace, Name: d.SecretRef.Name}
	case i.AgeSecret != "":
		return &reference.Reference{Field: "--sops-age-secret", Kind: reference.KindSecret, Namespace: i.Namespace, Name: i.AgeSecret}
	}
	return nil
}

// VaultReference is the ConfigMap with the Vault instances, or nil.
func (i Installation) VaultReference() *reference.Reference {
	if i.VaultConfigMap == "" {
		return nil
	}
	return &reference.Reference{Field: "--sops-vault-configmap", Kind: reference.KindConfigMap, Namespace: i.Namespace, Name: i.VaultConfigMap}
}

// VariableReferences lists where variables come from; later ones win.
func VariableReferences(unit *kustomizev1.Kustomization) []reference.Reference {
	post := unit.Spec.PostBuild
	if post == nil {
		return nil
	}
	refs := make([]reference.Reference, 0, len(post.SubstituteFrom))
	for i, from := range post.SubstituteFrom {
		refs = append(refs, reference.Reference{
			Field: fmt.Sprintf("spec.postBuild.substituteFrom[%d]", i),
			Kind:  from.Kind, Namespace: unit.Namespace, Name: from.Name, Optional: from.Optional,
		})
	}
	return refs
}
