package request

import (
	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// Owner returns in whose name the objects of Kustomizations are applied. The fields
// of managers whose names start with one of taken become its own.
func Owner(taken ...string) (*ownership.Owner, error) {
	return ownership.New(ownership.Names{
		Manager: kustomizev1.FieldManager, PolicyPrefix: kustomizev1.PolicyPrefix,
		NameLabel: kustomizev1.LabelName, NamespaceLabel: kustomizev1.LabelNamespace,
	}, taken...)
}
