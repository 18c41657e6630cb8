package kustomize

import (
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/address"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// placeholderNamespace keeps the library from refusing a generated kustomization
// that has no resources. No object ever carries it.
const placeholderNamespace = "_placeholder"

// Overlay is what an object in the cluster adds to the kustomization file of the
// tree.
type Overlay struct {
	TargetNamespace string
	NamePrefix      string
	NameSuffix      string
	// Labels and Annotations are set on the metadata of every built object,
	// over what is there.
	Labels      map[string]string
	Annotations map[string]string
	Patches     []Patch
	Images      []Image
	// Components are paths relative to the built directory.
	Components              []string
	IgnoreMissingComponents bool
	// BuildMetadata replaces that of the file when it is not empty.
	BuildMetadata []string
}

// Patch is an inline strategic merge or JSON patch.
type Patch struct {
	Patch  string
	Target *Selector
}

// Selector says which objects a patch applies to. Names and kinds are regular
// expressions.
type Selector struct {
	Group, Version, Kind, Name, Namespace string
	LabelSelector, AnnotationSelector     string
}

// Image replaces the name, or the tag and digest, of an image.
type Image struct {
	Name, NewName, NewTag, Digest string
}

// empty reports whether the kustomization file can be served as it is.
func (o *Overlay) empty() bool {
	return o.TargetNamespace == "" && o.NamePrefix == "" && o.NameSuffix == "" &&
		len(o.Patches) == 0 && len(o.Images) == 0 && len(o.Components) == 0 && len(o.BuildMetadata) == 0
}

// apply adds the overlay to the kustomization file of dir.
func (o *Overlay) apply(s *session, dir string, k *types.Kustomization) error {
	if o.TargetNamespace != "" {
		k.Namespace = o.TargetNamespace
	}
	if o.NamePrefix != "" {
		k.NamePrefix = o.NamePrefix
	}
	if o.NameSuffix != "" {
		k.NameSuffix = o.NameSuffix
	}
	if len(o.BuildMetadata) > 0 {
		k.BuildMetadata = slices.Clone(o.BuildMetadata)
	}
	for _, p := range o.Patches {
		k.Patches = append(k.Patches, types.Patch{Patch: p.Patch, Target: p.Target.convert()})
	}
	for _, image := range o.Images {
		k.Images = mergeImage(k.Images, image)
	}
	return o.addComponents(s, dir, k)
}

func (o *Overlay) addComponents(s *session, dir string, k *types.Kustomization) error {
	for _, c := range o.Components {
		if address.IsRemote(c) || path.IsAbs(c) {
			return refuse("component %q is refused: components are local paths relative to %q", c, dir)
		}
		target, err := s.Within(dir, c)
		if err != nil {
			return err
		}
		kind, err := s.Lookup(target)
		if err != nil {
			return err
		}
		if kind == record.KindAbsent && o.IgnoreMissingComponents {
			continue
		}
		if kind != record.KindDir {
			return refuse("component %q is not a directory of the artifact", c)
		}
		k.Components = append(k.Components, c)
	}
	return nil
}

func (s *Selector) convert() *types.Selector {
	if s == nil {
		return nil
	}
	out := &types.Selector{LabelSelector: s.LabelSelector, AnnotationSelector: s.AnnotationSelector}
	out.Group, out.Version, out.Kind = s.Group, s.Version, s.Kind
	out.Name, out.Namespace = s.Name, s.Namespace
	return out
}

// mergeImage merges by name. Tag and digest are one unit: a new tag without a
// digest must not keep the old digest, which would win over it.
func mergeImage(images []types.Image, image Image) []types.Image {
	i := slices.IndexFunc(images, func(have types.Image) bool { return have.Name == image.Name })
	if i < 0 {
		return append(images, types.Image{
			Name: image.Name, NewName: image.NewName, NewTag: image.NewTag, Digest: image.Digest,
		})
	}
	merged := slices.Clone(images)
	if image.NewName != "" {
		merged[i].NewName = image.NewName
	}
	if image.NewTag != "" || image.Digest != "" {
		merged[i].NewTag, merged[i].Digest, merged[i].TagSuffix = image.NewTag, image.Digest, ""
	}
	return merged
}
