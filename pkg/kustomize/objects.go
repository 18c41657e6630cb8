package kustomize

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/convert"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/scrub"
)

// objectsOf turns the library's result into objects: decrypted, substituted, with
// the common metadata on top, and within the limits.
func (s *session) objectsOf(built resmap.ResMap, req Request) ([]*unstructured.Unstructured, error) {
	if built.Size() > s.limits.Objects {
		return nil, refuse("the build holds more than %d objects", s.limits.Objects)
	}
	if err := req.Substitution.Validate(); err != nil {
		return nil, refuse("%w", err)
	}
	objects := make([]*unstructured.Unstructured, 0, built.Size())
	total := 0
	for _, r := range built.Resources() {
		if err := s.alive(); err != nil {
			return nil, err
		}
		obj, err := s.objectOf(r, req)
		if err != nil {
			return nil, err
		}
		if obj == nil {
			continue
		}
		size := convert.Size(obj.Object)
		if size > s.limits.ObjectBytes {
			return nil, refuse("%s has %d bytes, more than the limit of %d", nameOf(obj), size, s.limits.ObjectBytes)
		}
		if total += size; total > s.limits.OutputBytes {
			return nil, refuse("the built objects have more than %d bytes", s.limits.OutputBytes)
		}
		objects = append(objects, obj)
	}
	return objects, nil
}

func (s *session) objectOf(r *resource.Resource, req Request) (*unstructured.Unstructured, error) {
	obj, err := convert.Object(r)
	if err != nil {
		return nil, refuse("reading %s: %s", r.CurId(), scrub.Text(err, treeRoot, s.hide))
	}
	if obj == nil {
		return nil, nil
	}
	if req.DecryptObject != nil {
		if obj, err = req.DecryptObject(obj); err != nil {
			return nil, refuse("decrypting %s: %w", r.CurId(), err)
		}
	}
	if obj, err = req.Substitution.Apply(obj); err != nil {
		return nil, refuse("%w", err)
	}
	stamp(obj, req.Overlay.Labels, obj.GetLabels, obj.SetLabels)
	stamp(obj, req.Overlay.Annotations, obj.GetAnnotations, obj.SetAnnotations)
	return obj, nil
}

func stamp(obj *unstructured.Unstructured, add map[string]string, get func() map[string]string, set func(map[string]string)) {
	if obj == nil || len(add) == 0 {
		return
	}
	merged := map[string]string{}
	maps.Copy(merged, get())
	maps.Copy(merged, add)
	set(merged)
}

func nameOf(obj *unstructured.Unstructured) string {
	if ns := obj.GetNamespace(); ns != "" {
		return obj.GetKind() + "/" + ns + "/" + obj.GetName()
	}
	return obj.GetKind() + "/" + obj.GetName()
}
