package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// Resource is where the objects of a kind are.
type Resource struct {
	gvr schema.GroupVersionResource
	// Namespaced says that the objects live in namespaces.
	Namespaced bool
}

// Find returns the resource of a kind. A kind that is not known may have been
// defined since the mapper last asked.
func (c *Client) Find(gvk schema.GroupVersionKind) (Resource, error) {
	var versions []string
	if gvk.Version != "" {
		versions = append(versions, gvk.Version)
	}
	mapping, err := c.opts.Mapper.RESTMapping(gvk.GroupKind(), versions...)
	if meta.IsNoMatchError(err) && c.ResetMapper() {
		mapping, err = c.opts.Mapper.RESTMapping(gvk.GroupKind(), versions...)
	}
	if err != nil {
		return Resource{}, err
	}
	return Resource{gvr: mapping.Resource, Namespaced: mapping.Scope.Name() == meta.RESTScopeNameNamespace}, nil
}

// ResetMapper makes the mapper ask again, and reports whether it can.
func (c *Client) ResetMapper() bool {
	mapper, ok := c.opts.Mapper.(meta.ResettableRESTMapper)
	if ok {
		mapper.Reset()
	}
	return ok
}

// FindAny returns the resource of a kind in the given version or, when that is
// not served any more, in another. It reports a kind as undefined only when the
// server itself says so: discovery passes over groups that are out of order,
// which must not be taken for the absence of their objects.
func (c *Client) FindAny(ctx context.Context, gvk schema.GroupVersionKind) (at Resource, defined bool, err error) {
	at, err = c.Find(gvk)
	if meta.IsNoMatchError(err) {
		at, err = c.Find(gvk.GroupKind().WithVersion(""))
	}
	if !meta.IsNoMatchError(err) {
		return at, err == nil, err
	}
	served, unsure := c.serves(ctx, gvk.GroupKind())
	switch {
	case unsure != nil:
		return Resource{}, false, fmt.Errorf("finding out whether %s is defined: %w", gvk.GroupKind(), unsure)
	case served:
		return Resource{}, false, err
	}
	return Resource{}, false, nil
}

// serves asks the server whether any version of a group has a kind.
func (c *Client) serves(ctx context.Context, gk schema.GroupKind) (bool, error) {
	if gk.Group == "" {
		return false, errors.New("the core API has no such kind")
	}
	var group metav1.APIGroup
	if err := c.read(ctx, &group, "/apis", gk.Group); err != nil {
		return false, ignoreNotFound(err)
	}
	for _, version := range group.Versions {
		var resources metav1.APIResourceList
		if err := c.read(ctx, &resources, "/apis", gk.Group, version.Version); ignoreNotFound(err) != nil {
			return false, err
		}
		for _, r := range resources.APIResources {
			if r.Kind == gk.Kind {
				return true, nil
			}
		}
	}
	return false, nil
}

// read decodes the answer to a GET.
func (c *Client) read(ctx context.Context, into any, path ...string) error {
	if err := segments(path[1:]...); err != nil {
		return err
	}
	body, _, err := c.do(ctx, func() *rest.Request { return c.rest.Get().AbsPath(path...) })
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading the answer of the API server: %w", err)
	}
	return nil
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Ref names an object at the server.
type Ref struct {
	Resource
	// Namespace is empty for objects that live in none.
	Namespace string
	// Name is never empty: the requests that it would turn into concern every object
	// of the kind.
	Name string
}

// path is the URL path of the object.
func (r Ref) path() ([]string, error) {
	if r.Name == "" {
		return nil, errors.New("the object has no name")
	}
	p, err := r.collection()
	if err != nil {
		return nil, err
	}
	return append(p, r.Name), segments(r.Name)
}

// collection is the URL path of the objects of the kind in the namespace.
func (r Ref) collection() ([]string, error) {
	p := []string{"/apis", r.gvr.Group, r.gvr.Version}
	if r.gvr.Group == "" {
		p = []string{"/api", r.gvr.Version}
	}
	if r.Namespaced {
		if r.Namespace == "" {
			return nil, errors.New("the object has no namespace")
		}
		p = append(p, "namespaces", r.Namespace)
	}
	return append(p, r.gvr.Resource), segments(r.Namespace)
}

// segments makes sure that names from outside stay one part of a path each.
func segments(names ...string) error {
	for _, name := range names {
		if problems := rest.IsValidPathSegmentName(name); len(problems) > 0 {
			return fmt.Errorf("the name %q %s", name, strings.Join(problems, ", "))
		}
	}
	return nil
}
