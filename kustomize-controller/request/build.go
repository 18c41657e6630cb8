package request

import (
	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
)

// Overlay is what the spec adds to the kustomization file of the artifact.
func Overlay(spec *kustomizev1.KustomizationSpec) kustomize.Overlay {
	o := kustomize.Overlay{
		TargetNamespace: spec.TargetNamespace, NamePrefix: spec.NamePrefix, NameSuffix: spec.NameSuffix,
		Components: spec.Components, IgnoreMissingComponents: spec.IgnoreMissingComponents,
	}
	if spec.CommonMetadata != nil {
		o.Labels, o.Annotations = spec.CommonMetadata.Labels, spec.CommonMetadata.Annotations
	}
	for _, patch := range spec.Patches {
		o.Patches = append(o.Patches, kustomize.Patch{Patch: patch.Patch, Target: selector(patch.Target)})
	}
	for _, image := range spec.Images {
		o.Images = append(o.Images, kustomize.Image{
			Name: image.Name, NewName: image.NewName, NewTag: image.NewTag, Digest: image.Digest,
		})
	}
	for _, option := range spec.BuildMetadata {
		o.BuildMetadata = append(o.BuildMetadata, string(option))
	}
	return o
}

func selector(target *meta.Selector) *kustomize.Selector {
	if target == nil {
		return nil
	}
	return &kustomize.Selector{
		Group: target.Group, Version: target.Version, Kind: target.Kind, Name: target.Name, Namespace: target.Namespace,
		LabelSelector: target.LabelSelector, AnnotationSelector: target.AnnotationSelector,
	}
}
