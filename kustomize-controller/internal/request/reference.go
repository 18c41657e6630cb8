package request

import (
	"fmt"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// Kinds of objects that a unit refers to for their content.
const (
	KindSecret    = "Secret"
	KindConfigMap = "ConfigMap"
)

// Reference is a ConfigMap or Secret whose content a unit works with.
type Reference struct {
	// Field is the path of the reference, as in "spec.decryption.secretRef", or the
	// flag of the controller.
	Field string
	// Kind is KindSecret or KindConfigMap.
	Kind            string
	Namespace, Name string
	// Optional tolerates that the object does not exist.
	Optional bool
}

// String names the reference and the object.
func (r Reference) String() string {
	return r.Field + ": " + r.Kind + " " + r.Namespace + "/" + r.Name
}

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
func (i Installation) References(unit *kustomizev1.Kustomization) []Reference {
	var refs []Reference
	if unit.Spec.KubeConfig != nil {
		refs = append(refs, ClusterReference(unit))
	}
	if unit.Spec.Decryption != nil {
		for _, ref := range []*Reference{i.KeyReference(unit), i.VaultReference()} {
			if ref != nil {
				refs = append(refs, *ref)
			}
		}
	}
	return append(refs, VariableReferences(unit)...)
}

// KeyReference is the Secret with the keys that a unit decrypts with, or nil.
func (i Installation) KeyReference(unit *kustomizev1.Kustomization) *Reference {
	switch d := unit.Spec.Decryption; {
	case d.SecretRef != nil:
		return &Reference{Field: "spec.decryption.secretRef", Kind: KindSecret, Namespace: unit.Namespace, Name: d.SecretRef.Name}
	case i.AgeSecret != "":
		return &Reference{Field: "--sops-age-secret", Kind: KindSecret, Namespace: i.Namespace, Name: i.AgeSecret}
	}
	return nil
}

// VaultReference is the ConfigMap with the Vault instances, or nil.
func (i Installation) VaultReference() *Reference {
	if i.VaultConfigMap == "" {
		return nil
	}
	return &Reference{Field: "--sops-vault-configmap", Kind: KindConfigMap, Namespace: i.Namespace, Name: i.VaultConfigMap}
}

// ClusterReference is the object that says how another cluster is reached. The
// unit has to have a spec.kubeConfig.
func ClusterReference(unit *kustomizev1.Kustomization) Reference {
	if ref := unit.Spec.KubeConfig.ConfigMapRef; ref != nil {
		return Reference{Field: "spec.kubeConfig.configMapRef", Kind: KindConfigMap, Namespace: unit.Namespace, Name: ref.Name}
	}
	ref := unit.Spec.KubeConfig.SecretRef
	if ref == nil { // the schema asks for one of the two
		return Reference{Field: "spec.kubeConfig.secretRef", Kind: KindSecret}
	}
	return Reference{Field: "spec.kubeConfig.secretRef", Kind: KindSecret, Namespace: unit.Namespace, Name: ref.Name}
}

// VariableReferences lists where variables come from; later ones win.
func VariableReferences(unit *kustomizev1.Kustomization) []Reference {
	post := unit.Spec.PostBuild
	if post == nil {
		return nil
	}
	refs := make([]Reference, 0, len(post.SubstituteFrom))
	for i, from := range post.SubstituteFrom {
		refs = append(refs, Reference{
			Field: fmt.Sprintf("spec.postBuild.substituteFrom[%d]", i),
			Kind:  from.Kind, Namespace: unit.Namespace, Name: from.Name, Optional: from.Optional,
		})
	}
	return refs
}
