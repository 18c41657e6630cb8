package kustomize

import (
	"path"
	"reflect"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/address"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bomb"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/fields"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

const (
	pluginAPIVersion   = "builtin"
	functionAnnotation = "config.kubernetes.io/function"
	chartPlugin        = "HelmChartInflationGenerator"
	maxPluginDepth     = 8
)

// plugin judges an entry of generators, transformers or validators: a document
// written in place, a file of them, or a directory. What a directory builds is
// not known before it is built, and by then its paths are already being followed;
// so a directory may do nothing but list files and further such directories.
func (s *session) plugin(dir, fieldName, entry string, depth int) error {
	if depth > maxPluginDepth {
		return refuse("%s in %q are nested more than %d levels deep", fieldName, s.Show(dir), maxPluginDepth)
	}
	if err := bomb.Inspect([]byte(entry)); err != nil {
		return refuse("%s in %q: %s", fieldName, s.Show(dir), err.Error())
	}
	if fields.IsDocument(entry) {
		// The library takes documents with equal identities for a path after all.
		if address.Leads(entry) {
			return refuse("%s in %q begins like a remote address: builds have no network access", fieldName, s.Show(dir))
		}
		return s.plugins(dir, fieldName, []byte(entry))
	}
	if err := s.local(dir, fieldName, entry); err != nil {
		return err
	}
	name, err := s.Within(dir, entry)
	if err != nil {
		return err
	}
	kind, err := s.Lookup(name)
	if err != nil || kind == record.KindAbsent {
		return err
	}
	if kind == record.KindDir {
		return s.pluginDir(name, fieldName, depth)
	}
	s.Pin(name)
	data, err := s.Read(name)
	if err != nil {
		return err
	}
	return s.plugins(dir, fieldName, data)
}

func (s *session) pluginDir(dir, fieldName string, depth int) error {
	for _, base := range konfig.RecognizedKustomizationFileNames() {
		name := path.Join(dir, base)
		kind, err := s.Lookup(name)
		if err != nil {
			return err
		}
		if kind != record.KindFile {
			continue
		}
		data, err := s.Read(name)
		if err != nil {
			return err
		}
		s.Pin(name)
		var k types.Kustomization
		if err := k.Unmarshal(data); err != nil {
			continue
		}
		k.FixKustomization()
		if !reflect.DeepEqual(k, types.Kustomization{TypeMeta: k.TypeMeta, MetaData: k.MetaData, Resources: k.Resources}) {
			return refuse("directory %q is refused in %s: a directory of plug-ins may only list resources", s.Show(dir), fieldName)
		}
		for _, entry := range k.Resources {
			if err := s.plugin(dir, fieldName, entry, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// plugins judges plug-in configurations. Those that cannot be parsed pass: the
// library fails on them in the same way.
func (s *session) plugins(dir, fieldName string, data []byte) error {
	configs, err := provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes(data)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, c := range configs {
		gvk := c.GetGvk()
		apiVersion := gvk.ApiVersion()
		if _, ok := c.GetAnnotations()[functionAnnotation]; ok || apiVersion != pluginAPIVersion {
			return refuse("%s entry %s %q in %q is refused: only built-in plug-ins run, no functions and no programs",
				fieldName, clip(gvk.Kind), clip(c.GetName()), s.Show(dir))
		}
		if gvk.Kind == chartPlugin {
			return refuse("%s entry %s %q in %q is refused: builds render no charts", fieldName, gvk.Kind, clip(c.GetName()), s.Show(dir))
		}
		config, err := c.Map()
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		if entry, ok := address.Loaded(config); ok {
			return refuse("%s entry %q in %q is remote: only resources and components may be", fieldName, remote.Show(entry), s.Show(dir))
		}
	}
	return nil
}
