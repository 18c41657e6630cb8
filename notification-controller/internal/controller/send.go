package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/generic"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/slack"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
)

// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update;patch

// send posts a message to a service.
type send func(ctx context.Context, p *provider.Poster, m render.Message) error

// services are the types of Provider that are acted upon.
func services() map[string]send {
	return map[string]send{
		notificationv1beta3.SlackProvider:       slack.Send,
		notificationv1beta3.GenericProvider:     generic.Send,
		notificationv1beta3.GenericHMACProvider: generic.Send,
	}
}

func supported(providerType string) bool { return services()[providerType] != nil }

// sender makes the attempts of the outbox. Provider and Secrets are read for each
// of them: nothing secret is stored, and a corrected Secret counts at once.
type sender struct {
	client client.Reader
	pool   *provider.Pool
	clock  clock.PassiveClock
	teller *teller
}

func (s *sender) send(ctx context.Context, r outbox.Record) outbox.Result {
	var d route.Delivery
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return outbox.Result{Err: fmt.Errorf("decoding a delivery: %w", err), Final: true}
	}
	err := s.deliver(ctx, d)
	if err == nil {
		s.teller.log.V(1).Info("sent a notification", "alert", d.Alert.String(), "provider", d.Provider.String(), "id", d.ID)
		return outbox.Result{}
	}
	verdict := provider.Verdict(err)
	return outbox.Result{Err: err, Final: verdict.Final, After: verdict.After}
}

func (s *sender) deliver(ctx context.Context, d route.Delivery) error {
	var p notificationv1beta3.Provider
	key := client.ObjectKey{Namespace: d.Provider.Namespace, Name: d.Provider.Name}
	if err := s.client.Get(ctx, key, &p); err != nil {
		err = fmt.Errorf("reading Provider %s: %w", d.Provider.Name, err)
		if apierrors.IsNotFound(err) {
			return provider.Final(err)
		}
		return err
	}
	if p.Spec.Suspend {
		return nil
	}
	post := services()[p.Spec.Type]
	if post == nil {
		return provider.Final(fmt.Errorf("provider %s has spec.type %s now, which this version does not act on", p.Name, p.Spec.Type))
	}
	settings, client, err := s.open(ctx, &p)
	if err != nil {
		return err
	}
	poster := &provider.Poster{Settings: settings, Client: client, Clock: s.clock}
	return post(ctx, poster, render.Of(d.ID, d.Event))
}

// open reads the Secrets of a Provider and returns its settings and client.
func (s *sender) open(ctx context.Context, p *notificationv1beta3.Provider) (*provider.Settings, *http.Client, error) {
	var secrets provider.Secrets
	for _, read := range []struct {
		ref  *meta.LocalObjectReference
		into *map[string][]byte
	}{{p.Spec.SecretRef, &secrets.Main}, {p.Spec.ProxySecretRef, &secrets.Proxy}, {p.Spec.CertSecretRef, &secrets.Cert}} {
		if read.ref == nil {
			continue
		}
		var secret corev1.Secret
		if err := s.client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: read.ref.Name}, &secret); err != nil {
			return nil, nil, fmt.Errorf("reading Secret %s of Provider %s: %w", read.ref.Name, p.Name, err)
		}
		*read.into = map[string][]byte{}
		for key, value := range secret.Data {
			(*read.into)[key] = value
		}
	}
	settings, err := provider.NewSettings(p, secrets)
	if err != nil {
		return nil, nil, provider.Final(fmt.Errorf("preparing Provider %s: %w", p.Name, err))
	}
	c, err := s.pool.Client(p.Namespace+"/"+p.Name, settings)
	if err != nil {
		return nil, nil, provider.Final(fmt.Errorf("preparing Provider %s: %w", p.Name, settings.Clean(err)))
	}
	return settings, c, nil
}

// trouble tells the owner that a notification is late.
func (s *sender) trouble(r outbox.Record, cause error) { s.tell(r, cause, "trying again") }

// dead tells the owner that a notification is given up.
func (s *sender) dead(r outbox.Record, cause error) { s.tell(r, cause, "giving up") }

func (s *sender) tell(r outbox.Record, cause error, what string) {
	var d route.Delivery
	if err := json.Unmarshal(r.Body, &d); err != nil {
		s.teller.log.Error(errors.Join(cause, err), "giving up a delivery that cannot be read", "id", r.ID)
		return
	}
	object := d.Event.InvolvedObject
	s.teller.warn(d.Alert, meta.ReasonNotificationDispatchFailed, fmt.Sprintf("notifying Provider %s about %s/%s in namespace %s, %s: %v",
		d.Provider.Name, object.Kind, object.Name, object.Namespace, what, cause))
}
