package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// findAny returns the resource of a kind in the given version or, when that is
// not served any more, in another. It reports a kind as undefined only when the
// server itself says so: discovery passes over groups that are out of order,
// which must not be taken for the absence of their objects.
func (a *Applier) findAny(ctx context.Context, gvk schema.GroupVersionKind) (at resource, defined bool, err error) {
	at, err = a.find(gvk)
	if isNoMatch(err) {
		at, err = a.find(gvk.GroupKind().WithVersion(""))
	}
	if !isNoMatch(err) {
		return at, err == nil, err
	}
	served, unsure := a.serves(ctx, gvk.GroupKind())
	switch {
	case unsure != nil:
		return resource{}, false, fmt.Errorf("finding out whether %s is defined: %w", gvk.GroupKind(), unsure)
	case served:
		return resource{}, false, err
	}
	return resource{}, false, nil
}

// serves asks the server whether any version of a group has a kind.
func (a *Applier) serves(ctx context.Context, gk schema.GroupKind) (bool, error) {
	if gk.Group == "" {
		return false, errors.New("the core API has no such kind")
	}
	var group metav1.APIGroup
	if err := a.read(ctx, &group, "/apis", gk.Group); err != nil {
		return false, ignoreNotFound(err)
	}
	for _, version := range group.Versions {
		var resources metav1.APIResourceList
		if err := a.read(ctx, &resources, "/apis", gk.Group, version.Version); ignoreNotFound(err) != nil {
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
func (a *Applier) read(ctx context.Context, into any, path ...string) error {
	body, err := a.do(ctx, func() *rest.Request { return a.client.Get().AbsPath(path...) })
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
