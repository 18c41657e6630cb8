package bases

import (
	"path"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

const (
	originKey     = "config.kubernetes.io/origin"
	transformsKey = "alpha.config.kubernetes.io/transformations"
)

// ups is the way from anywhere to the names of bases.
var ups = regexp.MustCompile(`(?:(?:\.\./)+|/)$`)

// Show replaces the names of bases in a text by their addresses.
func (s *Set) Show(text string) string {
	for ref, b := range s.bases {
		parts := strings.Split(text, b.token)
		for i := range parts[:len(parts)-1] {
			parts[i] = ups.ReplaceAllString(parts[i], "")
		}
		text = strings.Join(parts, ref.Address())
	}
	return text
}

// Origins makes the annotations about origins name addresses, as the library
// writes them for a base that it fetched itself.
func (s *Set) Origins(obj *unstructured.Unstructured) error {
	if len(s.bases) == 0 {
		return nil
	}
	annotations := obj.GetAnnotations()
	if text, ok := annotations[originKey]; ok && s.mentioned(text) {
		var o resource.Origin
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			return err
		}
		s.fix(&o)
		fixed, err := o.String()
		if err != nil {
			return err
		}
		annotations[originKey] = fixed
		obj.SetAnnotations(annotations)
	}
	if text, ok := annotations[transformsKey]; ok && s.mentioned(text) {
		var all resource.Transformations
		if err := yaml.Unmarshal([]byte(text), &all); err != nil {
			return err
		}
		for _, o := range all {
			s.fix(o)
		}
		fixed, err := all.String()
		if err != nil {
			return err
		}
		annotations[transformsKey] = fixed
		obj.SetAnnotations(annotations)
	}
	return nil
}

func (s *Set) mentioned(text string) bool {
	for _, b := range s.bases {
		if strings.Contains(text, b.token) {
			return true
		}
	}
	return false
}

func (s *Set) fix(o *resource.Origin) {
	for ref, b := range s.bases {
		for _, field := range []*string{&o.Path, &o.ConfiguredIn} {
			_, inner, ok := strings.Cut(*field, b.token)
			if !ok {
				continue
			}
			*field = strings.TrimPrefix(path.Clean(inner), "/")
			if ref.Kind == remote.KindFile {
				*field = remote.Show(ref.URL)
				continue
			}
			o.Repo, o.Ref = remote.Show(ref.URL), ref.Revision
		}
	}
}
