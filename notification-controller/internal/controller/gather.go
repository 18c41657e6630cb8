package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/services"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
)

// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=buckets;externalartifacts;gitrepositories;helmcharts;helmrepositories;ocirepositories,verbs=get
// +kubebuilder:rbac:groups=kustomize.toolkit.fluxcd.io,resources=kustomizations,verbs=get
// +kubebuilder:rbac:groups=helm.toolkit.fluxcd.io,resources=helmreleases,verbs=get
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imagepolicies;imagerepositories;imageupdateautomations,verbs=get

// gatherer reads what the routing of an event depends on.
type gatherer struct {
	// cached reads Alerts and Providers, live the labels of objects.
	cached, live client.Reader
	services     *services.Services
	policy       route.Policy
	filters      filters
}

func (g *gatherer) gather(ctx context.Context, event *eventv1.Event) (route.Input, error) {
	alerts, err := g.alerts(ctx)
	if err != nil {
		return route.Input{}, err
	}
	in := route.Input{Event: event, Alerts: alerts, Policy: g.policy, Providers: map[types.NamespacedName]route.Provider{}}
	needs := route.NeedsOf(event, alerts)
	if needs.Labels {
		in.Labels = g.labels(ctx, event.InvolvedObject)
	}
	for _, name := range needs.Providers {
		in.Providers[name] = g.provider(ctx, name)
	}
	return in, nil
}

func (g *gatherer) alerts(ctx context.Context) ([]route.Alert, error) {
	var list notificationv1.AlertList
	if err := g.cached.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("listing Alerts: %w", err)
	}
	slices.SortFunc(list.Items, func(x, y notificationv1.Alert) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	g.filters.keep(list.Items)
	alerts := make([]route.Alert, 0, len(list.Items))
	for i := range list.Items {
		alerts = append(alerts, route.Alert{Alert: &list.Items[i], Filter: g.filters.of(&list.Items[i])})
	}
	return alerts, nil
}

func (g *gatherer) provider(ctx context.Context, name types.NamespacedName) route.Provider {
	var p notificationv1.Provider
	if err := g.cached.Get(ctx, name, &p); err != nil {
		return route.Provider{Err: client.IgnoreNotFound(err)}
	}
	known := g.services.Of(p.Spec.Type)
	return route.Provider{Object: &p, Takes: known.Takes, Supported: known.Service != nil}
}

// labels reads the metadata of the live object; nothing of it is cached, because
// that would watch every object there is.
func (g *gatherer) labels(ctx context.Context, object corev1.ObjectReference) route.Labels {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(schema.FromAPIVersionAndKind(object.APIVersion, object.Kind))
	err := g.live.Get(ctx, client.ObjectKey{Namespace: object.Namespace, Name: object.Name}, m)
	return route.Labels{Values: m.Labels, Err: err}
}

// filters keeps the compiled expressions of Alerts until their generation
// changes.
type filters struct {
	mu    sync.Mutex
	byUID map[types.UID]compiled
}

type compiled struct {
	generation int64
	filter     *route.Filter
}

func (f *filters) of(alert *notificationv1.Alert) *route.Filter {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known, ok := f.byUID[alert.UID]; ok && known.generation == alert.Generation {
		return known.filter
	}
	if f.byUID == nil {
		f.byUID = map[types.UID]compiled{}
	}
	filter := route.NewFilter(alert)
	f.byUID[alert.UID] = compiled{generation: alert.Generation, filter: filter}
	return filter
}

// keep forgets Alerts that are gone, once clearly more are known than exist.
func (f *filters) keep(alerts []notificationv1.Alert) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.byUID) <= 2*len(alerts) {
		return
	}
	kept := make(map[types.UID]compiled, len(alerts))
	for i := range alerts {
		if known, ok := f.byUID[alerts[i].UID]; ok {
			kept[alerts[i].UID] = known
		}
	}
	f.byUID = kept
}
