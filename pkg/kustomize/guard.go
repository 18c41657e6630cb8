package kustomize

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/address"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/fields"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

// guarded is what the guard learned from a kustomization file that passed it.
type guarded struct {
	// k is the file, nil where it cannot be parsed or has remote entries.
	k *types.Kustomization
	// rewritten stands in for a file with remote entries.
	rewritten  []byte
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
//
// What it returns is what the library is to see: remote entries are replaced.
func (s *session) admit(name string, data []byte) ([]byte, error) {
	if s.tally.loads++; s.tally.loads > s.limits.Bases {
		return nil, s.Stop(refuse("the build loads more than %d bases", s.limits.Bases))
	}
	g, ok := s.guarded[name]
	if !ok {
		err := s.strict(name, data)
		if err == nil {
			g, err = s.judge(name, data)
		}
		if err != nil {
			return nil, s.Stop(err)
		}
		s.guarded[name] = g
	}
	if g.ownSchema && !s.ownSchema {
		return nil, s.Stop(errOwnSchema)
	}
	if err := s.deepen(path.Dir(name), g.bases); err != nil {
		return nil, s.Stop(err)
	}
	if g.rewritten != nil {
		data = g.rewritten
	}
	return data, s.count(g.objects, g.transforms)
}

// deepen keeps, for every directory, the longest chain of bases that may lead to
// it. The library loads a chain from its top, so the bound is never too low.
func (s *session) deepen(dir string, bases []string) error {
	next := s.depth[dir] + 1
	if next > s.limits.Depth {
		return refuse("bases are nested more than %d levels deep at %q, or form a cycle", s.limits.Depth, s.Show(dir))
	}
	for _, base := range bases {
		s.depth[base] = max(s.depth[base], next)
	}
	return nil
}

func (s *session) judge(name string, data []byte) (*guarded, error) {
	dir := path.Dir(name)
	var k types.Kustomization
	if err := k.Unmarshal(data); err != nil {
		return &guarded{}, nil //nolint:nilerr // see admit
	}
	k.FixKustomization()
	if len(k.HelmCharts) > 0 {
		return nil, refuse("helmCharts in %q (chart %q) is refused: builds render no charts", s.Show(dir), clip(k.HelmCharts[0].Name))
	}
	mounted, rewritten, err := s.mountRemotes(dir, &k)
	if err != nil {
		return nil, err
	}
	for _, f := range fields.Paths(&k) {
		for _, entry := range f.Entries {
			if err := s.local(dir, f.Name, entry); err != nil {
				return nil, err
			}
		}
	}
	if err := s.markEncrypted(dir, &k); err != nil {
		return nil, err
	}
	if err := s.assign(name, &k, mounted); err != nil {
		return nil, err
	}
	for _, f := range []fields.Field{
		{Name: "generators", Entries: k.Generators},
		{Name: "transformers", Entries: k.Transformers},
		{Name: "validators", Entries: k.Validators},
	} {
		for _, entry := range f.Entries {
			if err := s.plugin(dir, f.Name, entry, 0); err != nil {
				return nil, err
			}
		}
	}
	g := &guarded{
		bases:     mounted,
		rewritten: rewritten,
		ownSchema: len(k.OpenAPI) > 0,
		objects:   len(k.ConfigMapGenerator) + len(k.SecretGenerator),
		transforms: len(k.Patches) + len(k.PatchesJson6902) + len(k.PatchesStrategicMerge) + len(k.Images) +
			len(k.Replacements) + len(k.Replicas) + len(k.Vars) + len(k.Labels) + len(k.Transformers) + len(k.Validators),
	}
	if rewritten == nil {
		g.k = &k
	}
	for _, entry := range slices.Concat(k.Resources, k.Components, k.Generators, k.Transformers, k.Validators) {
		if base, err := s.Within(dir, entry); err == nil {
			g.bases = append(g.bases, base)
		}
	}
	return g, nil
}

func isKustomization(name string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
}

// local refuses an entry that is not a path within the tree.
func (s *session) local(dir, fieldName, entry string) error {
	if entry == "" {
		return nil
	}
	// What looks like a document or a value is not shown.
	if strings.Contains(entry, "\n") || strings.Contains(entry, ": ") || fieldName == "secretGenerator" && strings.Contains(entry, "=") {
		return refuse("an entry of %s in %q is neither the path of a file nor a document that can be read", fieldName, s.Show(dir))
	}
	if address.IsRemote(entry) {
		return refuse("%s entry %q in %q is remote: only resources and components may be", fieldName, remote.Show(entry), s.Show(dir))
	}
	if _, err := s.Within(dir, entry); err != nil {
		return refuse("%s: %w", fieldName, err)
	}
	return nil
}

// markEncrypted sends the files that may be encrypted through the decrypt hook.
func (s *session) markEncrypted(dir string, k *types.Kustomization) error {
	var paths []string
	for _, g := range k.SecretGenerator {
		paths = append(paths, fields.SourcePaths(g.KvPairSources)...)
	}
	secrets := len(paths)
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) {
		paths = append(paths, p.Path)
	}
	for i, p := range paths {
		name, err := s.Within(dir, p)
		// A kustomization file is judged as it stands and never decrypted.
		if p == "" || err != nil || isKustomization(name) {
			continue
		}
		if err := s.Encrypt(name, i >= secrets); err != nil {
			return err
		}
	}
	return nil
}
