package build

import (
	"context"
	"errors"
	"fmt"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

// errAbsent is an object that a spec refers to and that does not exist.
var errAbsent = errors.New("it does not exist")

// variables merges what is substituted: the entries of each ConfigMap and Secret
// in their order, later ones over earlier ones, and those of the spec over all.
func (b *Builder) variables(ctx context.Context, unit *kustomizev1.Kustomization) (*substitute.Variables, error) {
	post := unit.Spec.PostBuild
	if post == nil {
		return nil, nil
	}
	v := &substitute.Variables{
		Values: map[string]string{}, Sensitive: map[string]bool{}, OptOut: kustomizev1.PolicySubstitute, Strict: b.Strict, Always: post.SubstituteStrategy == kustomizev1.SubstituteAlways,
	}
	for _, ref := range request.VariableReferences(unit) {
		data, err := b.Contents(ctx, ref)
		if err == nil && data == nil && !ref.Optional {
			err = errAbsent
		}
		if err != nil {
			return nil, fault.Retry(meta.ReasonBuildFailed,
				fmt.Errorf("reading %s: %w", ref, err))
		}
		for name, value := range data {
			v.Values[name], v.Sensitive[name] = string(value), ref.Kind == reference.KindSecret
		}
	}
	for name, value := range post.Substitute {
		v.Values[name], v.Sensitive[name] = value, false
	}
	return v, nil
}
