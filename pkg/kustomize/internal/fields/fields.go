// Package fields finds the paths that a kustomization file names.
package fields

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/types"
)

// Field is a field of a kustomization file and the paths in it.
type Field struct {
	Name    string
	Entries []string
}

// Paths returns every field of a kustomization file that names files or
// directories, except those whose entries may also be whole documents.
func Paths(k *types.Kustomization) []Field {
	fields := []Field{
		{"resources", k.Resources},
		{"components", k.Components},
		{"crds", k.Crds},
		{"configurations", k.Configurations},
	}
	if p := k.OpenAPI["path"]; p != "" {
		fields = append(fields, Field{"openapi.path", []string{p}})
	}
	for _, r := range k.Replacements {
		fields = append(fields, Field{"replacements.path", []string{r.Path}})
	}
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // deprecated fields name files, too
		fields = append(fields, Field{"patches.path", []string{p.Path}})
	}
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // as above
		if !isInline(string(p)) {
			fields = append(fields, Field{"patchesStrategicMerge", []string{string(p)}})
		}
	}
	for _, g := range k.ConfigMapGenerator {
		fields = append(fields, Field{"configMapGenerator", SourcePaths(g.KvPairSources)})
	}
	for _, g := range k.SecretGenerator {
		fields = append(fields, Field{"secretGenerator", SourcePaths(g.KvPairSources)})
	}
	return fields
}

// Patches returns the files of patches, and the patches that are written in place.
func Patches(k *types.Kustomization) (paths, texts []string) {
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // as above
		paths, texts = append(paths, p.Path), append(texts, p.Patch)
	}
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // as above
		if isInline(string(p)) {
			texts = append(texts, string(p))
			continue
		}
		paths = append(paths, string(p))
	}
	return paths, texts
}

func isInline(entry string) bool { return strings.Contains(entry, "\n") || IsDocument(entry) }

// SourcePaths returns the files of a generator. A file entry may carry the key
// before an equals sign.
func SourcePaths(sources types.KvPairSources) []string {
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

// IsDocument reports whether the library would take the entry for a document
// instead of a path.
func IsDocument(entry string) bool {
	_, err := provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes([]byte(entry))
	return err == nil
}
