package kustomize

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resmap"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/convert"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/finish"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/piece"
)

// convertAll turns the library's result into objects.
func (s *session) convertAll(built resmap.ResMap) ([]piece.Object, error) {
	objects := make([]piece.Object, 0, built.Size())
	for _, r := range built.Resources() {
		obj, err := convert.Object(r)
		if err != nil {
			return nil, s.blame(refuse("reading %s: %s", r.CurId(), s.scrub(err)))
		}
		if obj == nil {
			continue
		}
		if err := s.bases.Origins(obj); err != nil {
			return nil, refuse("reading the origin of %s: it is not valid", nameOf(obj))
		}
		objects = append(objects, piece.Made(obj))
	}
	return objects, nil
}

// finish decrypts and substitutes the objects, puts the common metadata on top,
// and keeps them within the limits.
func (s *session) finish(made []piece.Object, req Request, p *pieces) (*Result, error) {
	if len(made) > s.limits.Objects {
		return nil, refuse("the build holds more than %d objects", s.limits.Objects)
	}
	f, err := finish.New(finish.Options{
		Decrypt: req.DecryptObject, Variables: req.Substitution,
		Labels: req.Overlay.Labels, Annotations: req.Overlay.Annotations, Sensitive: s.PatchDecrypted(),
		Cache: p.kept(),
	})
	if err != nil {
		return nil, err
	}
	out := &Result{Objects: make([]*unstructured.Unstructured, 0, len(made)), facts: make(map[*unstructured.Unstructured]finish.Facts, len(made))}
	total := 0
	for _, m := range made {
		if err := s.Alive(); err != nil {
			return nil, err
		}
		obj, known, err := f.Finish(m)
		if err != nil {
			return nil, err
		}
		size := convert.Size(obj.Object)
		if size > s.limits.ObjectBytes {
			return nil, refuse("%s has %d bytes, more than the limit of %d", nameOf(obj), size, s.limits.ObjectBytes)
		}
		if total += size; total > s.limits.OutputBytes {
			return nil, refuse("the built objects have more than %d bytes", s.limits.OutputBytes)
		}
		out.Objects = append(out.Objects, obj)
		out.facts[obj] = known
	}
	out.Recording = s.Recording()
	return out, nil
}

func nameOf(obj *unstructured.Unstructured) string { return finish.NameOf(obj) }
