package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

const (
	// attempts bounds how often a request is made that the server could not
	// answer.
	attempts   = 4
	firstDelay = 200 * time.Millisecond
	lastDelay  = 5 * time.Second
	// metadataOnly asks for the metadata of an object in place of the object.
	metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
)

// resource is where the objects of a kind are.
type resource struct {
	gvr        schema.GroupVersionResource
	namespaced bool
}

// path is the URL path of an object, or of the collection when name is empty.
func (r resource) path(namespace, name string) []string {
	p := []string{"/apis", r.gvr.Group, r.gvr.Version}
	if r.gvr.Group == "" {
		p = []string{"/api", r.gvr.Version}
	}
	if r.namespaced {
		p = append(p, "namespaces", namespace)
	}
	p = append(p, r.gvr.Resource)
	if name != "" {
		p = append(p, name)
	}
	return p
}

// find returns the resource of a kind. A kind that is not known may have been
// defined since the mapper last looked.
func (a *Applier) find(gvk schema.GroupVersionKind) (resource, error) {
	var versions []string
	if gvk.Version != "" {
		versions = append(versions, gvk.Version)
	}
	mapping, err := a.opts.Mapper.RESTMapping(gvk.GroupKind(), versions...)
	if meta.IsNoMatchError(err) && a.resetMapper() {
		mapping, err = a.opts.Mapper.RESTMapping(gvk.GroupKind(), versions...)
	}
	if err != nil {
		return resource{}, err
	}
	return resource{gvr: mapping.Resource, namespaced: mapping.Scope.Name() == meta.RESTScopeNameNamespace}, nil
}

func (a *Applier) resetMapper() bool {
	mapper, ok := a.opts.Mapper.(meta.ResettableRESTMapper)
	if ok {
		mapper.Reset()
	}
	return ok
}

func isNoMatch(err error) bool { return meta.IsNoMatchError(err) }

// isConnection reports that a connection failed. Every request of this package
// may be repeated: applies and dry-runs are idempotent, deletions and takeovers
// carry preconditions, and a creation that was done twice is answered as such.
func isConnection(err error) bool {
	var netErr net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.ECONNRESET) || errors.As(err, &netErr) && netErr.Timeout()
}

// do makes a request within the limit, and makes it again a bounded number of
// times when the server could not answer.
func (a *Applier) do(ctx context.Context, build func() *rest.Request) (body []byte, err error) {
	delay := firstDelay
	for attempt := 1; ; attempt++ {
		if err := a.opts.Limiter.Acquire(ctx); err != nil {
			return nil, err
		}
		result := build().Do(ctx)
		if body, err = result.Raw(); err != nil {
			err = result.Error() // which reads the status that the server answered with
		}
		a.opts.Limiter.Release(err)
		if err == nil || ctx.Err() != nil || attempt == attempts || !isTransient(err) {
			return body, err
		}
		if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
			delay = max(delay, time.Duration(seconds)*time.Second)
		}
		if err := a.sleep(ctx, delay); err != nil {
			return nil, err
		}
		delay *= 2
	}
}

// sleep waits by the injected clock.
func (a *Applier) sleep(ctx context.Context, d time.Duration) error {
	timer := a.opts.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}

// object makes a request that is answered with an object.
func (a *Applier) object(ctx context.Context, build func() *rest.Request) (*unstructured.Unstructured, error) {
	body, err := a.do(ctx, build)
	if err != nil {
		return nil, err
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(body); err != nil {
		return nil, errors.New("reading the answer of the API server: it is not an object")
	}
	return obj, nil
}

// apply sends a server-side apply. Conflicts are resolved in our favour: what is
// in the source wins.
func (a *Applier) apply(ctx context.Context, r resource, obj *unstructured.Unstructured, dryRun bool) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(obj.Object)
	if err != nil {
		return nil, errors.New("encoding the object: it holds a value that JSON has not")
	}
	return a.object(ctx, func() *rest.Request {
		q := a.client.Patch(types.ApplyPatchType).AbsPath(r.path(obj.GetNamespace(), obj.GetName())...).
			Param("fieldManager", a.opts.Marker.FieldManager).Param("force", "true").Body(body)
		return dry(q, dryRun)
	})
}

// create sends a creation, which fails when the object exists.
func (a *Applier) create(ctx context.Context, r resource, obj *unstructured.Unstructured, dryRun bool) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(obj.Object)
	if err != nil {
		return nil, errors.New("encoding the object: it holds a value that JSON has not")
	}
	return a.object(ctx, func() *rest.Request {
		q := a.client.Post().AbsPath(r.path(obj.GetNamespace(), "")...).
			Param("fieldManager", a.opts.Marker.FieldManager).Body(body)
		return dry(q, dryRun)
	})
}

func dry(q *rest.Request, dryRun bool) *rest.Request {
	if dryRun {
		return q.Param("dryRun", metav1.DryRunAll)
	}
	return q
}

// metadata reads the metadata of an object.
func (a *Applier) metadata(ctx context.Context, r resource, namespace, name string) (*unstructured.Unstructured, error) {
	return a.object(ctx, func() *rest.Request {
		return a.client.Get().AbsPath(r.path(namespace, name)...).SetHeader("Accept", metadataOnly)
	})
}

// get reads an object.
func (a *Applier) get(ctx context.Context, r resource, namespace, name string) (*unstructured.Unstructured, error) {
	return a.object(ctx, func() *rest.Request { return a.client.Get().AbsPath(r.path(namespace, name)...) })
}

// patch sends a JSON patch.
func (a *Applier) patch(ctx context.Context, r resource, namespace, name string, operations []operation) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(operations)
	if err != nil {
		return nil, fmt.Errorf("encoding patch: %w", err)
	}
	return a.object(ctx, func() *rest.Request {
		return a.client.Patch(types.JSONPatchType).AbsPath(r.path(namespace, name)...).
			Param("fieldManager", a.opts.Marker.FieldManager).Body(body)
	})
}

// remove sends a deletion that fails unless the object is still the one that was
// looked at. It reports whether the server says that the object is gone; one
// with finalizers is not.
func (a *Applier) remove(ctx context.Context, r resource, namespace, name string, pre metav1.Preconditions) (gone bool, err error) {
	background := metav1.DeletePropagationBackground
	body, err := json.Marshal(metav1.DeleteOptions{
		TypeMeta:      metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"},
		Preconditions: &pre, PropagationPolicy: &background,
	})
	if err != nil {
		return false, fmt.Errorf("encoding delete options: %w", err)
	}
	answer, err := a.do(ctx, func() *rest.Request {
		return a.client.Delete().AbsPath(r.path(namespace, name)...).Body(body)
	})
	if err != nil {
		return false, err
	}
	var status metav1.Status
	if err := json.Unmarshal(answer, &status); err != nil {
		// An object whose status is not that of a Status is an object.
		return false, nil //nolint:nilerr // the object is still there
	}
	return status.Kind == "Status" && status.Status == metav1.StatusSuccess, nil
}
