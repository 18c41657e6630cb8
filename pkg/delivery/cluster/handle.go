package cluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

var serviceAccounts = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}

// Handle is a cluster under one identity.
type Handle struct {
	// Local says that it is the cluster the controller runs in.
	Local bool
	// Identity is on whose behalf the requests are made.
	Identity tenancy.Identity
	// Applier writes.
	Applier *apply.Applier
	// Live knows the objects that were applied.
	Live *live.Table
	// Names knows single objects by name.
	Names *named.Watcher

	mapper  apimeta.RESTMapper
	dynamic dynamic.Interface
	// own reaches the cluster as the controller does.
	own dynamic.Interface
}

// newHandle makes the clients of one identity. The connections are shared with
// the other identities of the cluster.
func newHandle(s *site, id tenancy.Identity) (*Handle, error) {
	config, err := tenancy.Config(s.config, id)
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", id, err)
	}
	dyn, err := dynamic.NewForConfigAndClient(config, client) //nolint:forbidigo // the configuration comes from tenancy
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", id, err)
	}
	options := s.applier
	options.Config, options.HTTP, options.Mapper, options.Table, options.Limiter = config, client, s.mapper, s.table, s.limiter
	applier, err := apply.New(options)
	if err != nil {
		return nil, err
	}
	return &Handle{
		Local: s.target == nil, Identity: id,
		Applier: applier, Live: s.table, Names: s.names, mapper: s.mapper, dynamic: dyn, own: s.dynamic,
	}, nil
}

// Read returns a live object, or nil when there is none.
func (h *Handle) Read(ctx context.Context, id inventory.ID, version string) (*unstructured.Unstructured, error) {
	mapping, err := h.mapper.RESTMapping(id.GroupKind(), version)
	if err != nil {
		return nil, err
	}
	obj, err := h.resource(mapping.Resource, id.Namespace).Get(ctx, id.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return obj, err
}

// IdentityExists reports whether the ServiceAccount of the identity is there. The
// API server impersonates also those that are not.
func (h *Handle) IdentityExists(ctx context.Context) (bool, error) {
	account, ok := h.Identity.Account()
	if !ok {
		return true, nil
	}
	_, err := h.own.Resource(serviceAccounts).Namespace(account.Namespace).Get(ctx, account.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// List returns at most limit objects of a kind that a label selector picks.
func (h *Handle) List(ctx context.Context, gvk schema.GroupVersionKind, namespace, selector string, limit int64) (*unstructured.UnstructuredList, error) {
	mapping, err := h.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, err
	}
	return h.resource(mapping.Resource, namespace).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: limit})
}

// Undefined reports that an object could not be read because nothing defines its
// kind: then there is no such object either.
func Undefined(err error) bool { return apimeta.IsNoMatchError(err) }

// Namespaced reports whether objects of a kind live in namespaces; a kind that is
// not known does.
func (h *Handle) Namespaced(gk schema.GroupKind) bool {
	mapping, err := h.mapper.RESTMapping(gk)
	return err != nil || mapping.Scope.Name() == apimeta.RESTScopeNameNamespace
}

// KindOf returns the kind of a resource; ok is false for one that is not known.
func (h *Handle) KindOf(gr schema.GroupResource) (gk schema.GroupKind, ok bool) {
	gvk, err := h.mapper.KindFor(gr.WithVersion(""))
	return gvk.GroupKind(), err == nil
}

func (h *Handle) resource(gvr schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return h.dynamic.Resource(gvr)
	}
	return h.dynamic.Resource(gvr).Namespace(namespace)
}
