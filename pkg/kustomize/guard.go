package kustomize

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/address"
)

// guarded is what the guard learned from a kustomization file that passed it.
type guarded struct {
	bases      []string
	objects    int
	transforms int
	ownSchema  bool
}

// admit judges a kustomization file before the library sees it. The library
// fetches remote files and repositories, runs programs and sets its process-wide
// schema behind the back of its file system; all of that is named in these files,
// and they reach the library only through here. A file that cannot be parsed
// passes, because the library parses it with the same code and says why.
func (s *session) admit(name string, data []byte) error {
	if s.loads++; s.loads > s.limits.Bases {
		return s.stop(refuse("the build loads more than %d bases", s.limits.Bases))
	}
	g, ok := s.guarded[name]
	if !ok {
		var err error
		if g, err = s.judge(path.Dir(name), data); err != nil {
			return s.stop(err)
		}
		s.guarded[name] = g
	}
	if g.ownSchema && !s.ownSchema {
		return s.stop(errOwnSchema)
	}
	if err := s.deepen(path.Dir(name), g.bases); err != nil {
		return s.stop(err)
	}
	return s.count(g.objects, g.transforms)
}

// deepen keeps, for every directory, the longest chain of bases that may lead to
// it. The library loads a chain from its top, so the bound is never too low.
func (s *session) deepen(dir string, bases []string) error {
	next := s.depth[dir] + 1
	if next > s.limits.Depth {
		return refuse("bases are nested more than %d levels deep at %q, or form a cycle", s.limits.Depth, clip(dir))
	}
	for _, base := range bases {
		s.depth[base] = max(s.depth[base], next)
	}
	return nil
}

func (s *session) judge(dir string, data []byte) (*guarded, error) {
	var k types.Kustomization
	if err := k.Unmarshal(data); err != nil {
		return &guarded{}, nil //nolint:nilerr // see admit
	}
	k.FixKustomization()
	if len(k.HelmCharts) > 0 {
		return nil, refuse("helmCharts in %q (chart %q) is refused: builds render no charts", clip(dir), clip(k.HelmCharts[0].Name))
	}
	for _, f := range pathFields(&k) {
		for _, entry := range f.entries {
			if err := s.local(dir, f.name, entry); err != nil {
				return nil, err
			}
		}
	}
	if err := s.markEncrypted(dir, &k); err != nil {
		return nil, err
	}
	for _, f := range []field{{"generators", k.Generators}, {"transformers", k.Transformers}, {"validators", k.Validators}} {
		for _, entry := range f.entries {
			if err := s.plugin(dir, f.name, entry, 0); err != nil {
				return nil, err
			}
		}
	}
	g := &guarded{
		ownSchema: len(k.OpenAPI) > 0,
		objects:   len(k.ConfigMapGenerator) + len(k.SecretGenerator),
		transforms: len(k.Patches) + len(k.PatchesJson6902) + len(k.PatchesStrategicMerge) + len(k.Images) +
			len(k.Replacements) + len(k.Replicas) + len(k.Vars) + len(k.Labels) + len(k.Transformers) + len(k.Validators),
	}
	for _, entry := range slices.Concat(k.Resources, k.Components, k.Generators, k.Transformers, k.Validators) {
		if base, err := s.within(dir, entry); err == nil {
			g.bases = append(g.bases, base)
		}
	}
	return g, nil
}

func isKustomization(name string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
}

type field struct {
	name    string
	entries []string
}

// pathFields returns every field of a kustomization file that names files or
// directories, except those whose entries may also be whole documents.
func pathFields(k *types.Kustomization) []field {
	fields := []field{
		{"resources", k.Resources},
		{"components", k.Components},
		{"crds", k.Crds},
		{"configurations", k.Configurations},
	}
	if p := k.OpenAPI["path"]; p != "" {
		fields = append(fields, field{"openapi.path", []string{p}})
	}
	for _, r := range k.Replacements {
		fields = append(fields, field{"replacements.path", []string{r.Path}})
	}
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) {
		fields = append(fields, field{"patches.path", []string{p.Path}})
	}
	for _, p := range k.PatchesStrategicMerge {
		if !strings.Contains(string(p), "\n") && !isDocument(string(p)) {
			fields = append(fields, field{"patchesStrategicMerge", []string{string(p)}})
		}
	}
	for _, g := range k.ConfigMapGenerator {
		fields = append(fields, field{"configMapGenerator", sourcePaths(g.KvPairSources)})
	}
	for _, g := range k.SecretGenerator {
		fields = append(fields, field{"secretGenerator", sourcePaths(g.KvPairSources)})
	}
	return fields
}

// sourcePaths returns the files of a generator. A file entry may carry the key
// before an equals sign.
func sourcePaths(sources types.KvPairSources) []string {
	paths := slices.Concat(sources.EnvSources, []string{sources.EnvSource})
	for _, f := range sources.FileSources {
		_, file, ok := strings.Cut(f, "=")
		if !ok {
			file = f
		}
		paths = append(paths, file)
	}
	return paths
}

// local refuses an entry that is not a path within the tree.
func (s *session) local(dir, fieldName, entry string) error {
	if entry == "" {
		return nil
	}
	if address.IsRemote(entry) {
		return refuse("%s entry %q in %q is remote: builds have no network access", fieldName, address.WithoutUserinfo(clip(entry)), clip(dir))
	}
	if _, err := s.within(dir, entry); err != nil {
		return refuse("%s: %w", fieldName, err)
	}
	return nil
}

// markEncrypted sends the files that may be encrypted through the decrypt hook.
func (s *session) markEncrypted(dir string, k *types.Kustomization) error {
	var paths []string
	for _, g := range k.SecretGenerator {
		paths = append(paths, sourcePaths(g.KvPairSources)...)
		for _, literal := range g.LiteralSources {
			if _, value, ok := strings.Cut(literal, "="); ok && len(value) > 2 {
				s.hide = append(s.hide, strings.Trim(value, `"'`))
			}
		}
	}
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) {
		paths = append(paths, p.Path)
	}
	for _, p := range paths {
		name, err := s.within(dir, p)
		// A kustomization file is judged as it stands and never decrypted.
		if p == "" || err != nil || s.encrypted[name] || isKustomization(name) {
			continue
		}
		if s.pinned[name] && s.decrypt != nil {
			return refuse("file %q configures a plug-in and is a secret or a patch as well", clip(name))
		}
		s.encrypted[name] = true
		delete(s.content, name)
	}
	return nil
}
