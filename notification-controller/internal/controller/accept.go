package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	"github.com/capstan-gitops/capstan/notification-controller/internal/config"
	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
	"github.com/capstan-gitops/capstan/pkg/app"
)

// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=buckets;externalartifacts;gitrepositories;helmcharts;helmrepositories;ocirepositories,verbs=get
// +kubebuilder:rbac:groups=kustomize.toolkit.fluxcd.io,resources=kustomizations,verbs=get
// +kubebuilder:rbac:groups=helm.toolkit.fluxcd.io,resources=helmreleases,verbs=get
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imagepolicies;imagerepositories;imageupdateautomations,verbs=get

// acceptor takes events for good: it routes them and puts the deliveries into the
// outbox.
type acceptor struct {
	client client.Reader
	live   client.Reader
	router *route.Router
	box    *outbox.Outbox
	teller *teller
}

func newAcceptor(env *app.Env, cfg *config.Config, box *outbox.Outbox, teller *teller) *acceptor {
	a := &acceptor{client: env.GetClient(), live: env.GetAPIReader(), box: box, teller: teller}
	a.router = &route.Router{
		Labels: a.labels, Provider: a.provider, Supported: supported,
		NoCrossNamespace: cfg.ACL.NoCrossNamespaceRefs,
		WorkloadIdentity: cfg.Enabled(config.GateObjectLevelWorkloadIdentity),
	}
	return a
}

// accept returns nil once every delivery the event leads to is on disk.
func (a *acceptor) accept(ctx context.Context, event eventv1.Event) error {
	var alerts notificationv1beta3.AlertList
	if err := a.client.List(ctx, &alerts); err != nil {
		return fmt.Errorf("listing Alerts: %w", err)
	}
	slices.SortFunc(alerts.Items, func(x, y notificationv1beta3.Alert) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	result := a.router.Route(ctx, &event, alerts.Items)
	items := make([]outbox.Item, 0, len(result.Deliveries))
	for _, d := range result.Deliveries {
		body, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("encoding a delivery: %w", err)
		}
		items = append(items, outbox.Item{ID: d.ID, Queue: d.Provider.String(), Body: body})
	}
	if err := a.box.Put(items...); err != nil {
		return err
	}
	a.tell(result)
	return nil
}

// tell comes after storing, so that an event that is sent again is told of once.
func (a *acceptor) tell(result route.Result) {
	for _, p := range result.Problems {
		a.teller.warn(p.Alert, p.Reason, p.Message)
	}
	for _, d := range result.Drops {
		a.teller.log.Info("leaving a notification out", "alert", d.Alert.String(), "why", d.Why)
	}
}

func (a *acceptor) provider(ctx context.Context, namespace, name string) (*notificationv1beta3.Provider, error) {
	var p notificationv1beta3.Provider
	err := a.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &p)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // Absence is an answer, documented on route.Router.
	}
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// labels asks for the metadata of the live object; nothing of it is cached,
// because that would watch every object there is.
func (a *acceptor) labels(ctx context.Context, object corev1.ObjectReference) (map[string]string, error) {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(schema.FromAPIVersionAndKind(object.APIVersion, object.Kind))
	if err := a.live.Get(ctx, client.ObjectKey{Namespace: object.Namespace, Name: object.Name}, m); err != nil {
		return nil, err
	}
	return m.Labels, nil
}
