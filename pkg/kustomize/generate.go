package kustomize

import (
	"cmp"
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/address"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// prepare makes sure that dir has a kustomization file which carries the overlay:
// the file of the tree, or one in memory that stands in for it.
func (s *session) prepare(dir string, overlay *Overlay) error {
	name, k, generated, err := s.kustomization(dir)
	if err != nil {
		return err
	}
	if err := overlay.apply(s, dir, k); err != nil {
		return err
	}
	isEmpty := k.CheckEmpty() != nil
	if isEmpty {
		// Any field keeps the library from refusing the file as empty. These two
		// do nothing where there are no objects.
		if generated {
			k.Namespace = placeholderNamespace
		} else {
			k.BuildMetadata = []string{types.OriginAnnotations}
		}
	}
	if !generated && !isEmpty && overlay.empty() {
		return nil
	}
	data, err := yaml.Marshal(k)
	if err != nil {
		return refuse("writing the kustomization of %q: %w", s.Show(dir), err)
	}
	s.generate[name] = data
	return nil
}

// kustomization returns the kustomization file of dir, or a generated one.
func (s *session) kustomization(dir string) (name string, k *types.Kustomization, generated bool, err error) {
	k = &types.Kustomization{}
	if name, err = s.ownFile(dir); err != nil {
		return "", nil, false, err
	}
	if name == "" {
		k.APIVersion, k.Kind = types.KustomizationVersion, types.KustomizationKind
		k.Resources, err = s.walk(dir, "", 0)
		return path.Join(dir, konfig.DefaultKustomizationFileName()), k, true, err
	}
	data, err := s.Read(name)
	if err != nil {
		return "", nil, false, err
	}
	if err := s.strict(name, data); err != nil {
		return "", nil, false, err
	}
	if err := k.Unmarshal(data); err != nil {
		return "", nil, false, refuse("parsing %q: %s", clip(name), s.scrub(err))
	}
	return name, k, false, nil
}

// ownFile returns the kustomization file of dir, or nothing. All names are looked
// up, since the library does so as well.
func (s *session) ownFile(dir string) (found string, err error) {
	for _, base := range konfig.RecognizedKustomizationFileNames() {
		name := path.Join(dir, base)
		kind, err := s.Lookup(name)
		if err != nil {
			return "", err
		}
		if kind != record.KindFile {
			continue
		}
		if found != "" {
			return "", refuse("directory %q has two kustomization files, %q and %q: remove one", s.Show(dir), path.Base(found), base)
		}
		found = name
	}
	return found, nil
}

// walk lists the manifests below dir: YAML files, and directories that have a
// kustomization file of their own, which are not descended into.
func (s *session) walk(dir, prefix string, depth int) ([]string, error) {
	if depth > s.limits.Depth {
		return nil, refuse("directories are nested more than %d levels deep at %q", s.limits.Depth, s.Show(dir))
	}
	children, err := s.List(dir)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(children, func(a, b record.Child) int { return cmp.Compare(a.Name, b.Name) })
	var found []string
	for _, c := range children {
		name := path.Join(dir, c.Name)
		entry := path.Join(prefix, c.Name)
		switch {
		case c.Dir:
			inner, err := s.walkDir(name, entry, depth)
			if err != nil {
				return nil, err
			}
			found = append(found, inner...)
		case path.Ext(c.Name) == ".yaml" || path.Ext(c.Name) == ".yml":
			found = append(found, localEntry(entry))
		}
	}
	return found, nil
}

func (s *session) walkDir(name, entry string, depth int) ([]string, error) {
	own, err := s.ownFile(name)
	if err != nil {
		return nil, err
	}
	if own != "" {
		return []string{localEntry(entry)}, nil
	}
	return s.walk(name, entry, depth+1)
}

// localEntry keeps a path that looks like an address a path.
func localEntry(entry string) string {
	if address.IsRemote(entry) {
		return "./" + entry
	}
	return entry
}
