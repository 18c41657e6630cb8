package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/services"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
)

// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update;patch

// sender makes the attempts of the outbox. Provider and Secrets are read for each
// of them: nothing secret is stored, and a corrected Secret counts at once.
type sender struct {
	client   client.Reader
	services *services.Services
	reporter *reporter
	// proxies are those of Providers that are still stored as v1beta3.
	proxies oldProxies
}

func (s *sender) send(ctx context.Context, r outbox.Record) error {
	var d route.Delivery
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return provider.Final(fmt.Errorf("decoding a delivery: %w", err))
	}
	if err := s.deliver(ctx, d); err != nil {
		return err
	}
	s.reporter.log.V(1).Info("sent a notification", "alert", d.Alert.String(), "provider", d.Provider.String(), "id", d.ID)
	return nil
}

func (s *sender) deliver(ctx context.Context, d route.Delivery) error {
	var p notificationv1.Provider
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
	service := s.services.Of(p.Spec.Type).Service
	if service == nil {
		return provider.Final(fmt.Errorf("provider %s has spec.type %s now, which this version does not act on", p.Name, p.Spec.Type))
	}
	secrets, err := s.secrets(ctx, &p)
	if err != nil {
		return err
	}
	settings, err := provider.NewSettings(&p, secrets)
	if err != nil {
		return err
	}
	return provider.Deliver(ctx, service, settings, render.Of(d.ID, d.Event))
}

// secrets reads the Secrets that a Provider names.
func (s *sender) secrets(ctx context.Context, p *notificationv1.Provider) (provider.Secrets, error) {
	secrets := provider.Secrets{OldProxy: s.proxies.of(p)}
	for _, read := range []struct {
		ref  *meta.LocalObjectReference
		into *map[string][]byte
	}{{p.Spec.SecretRef, &secrets.Main}, {p.Spec.ProxySecretRef, &secrets.Proxy}, {p.Spec.CertSecretRef, &secrets.Cert}} {
		if read.ref == nil {
			continue
		}
		var secret corev1.Secret
		if err := s.client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: read.ref.Name}, &secret); err != nil {
			return provider.Secrets{}, fmt.Errorf("reading Secret %s of Provider %s: %w", read.ref.Name, p.Name, err)
		}
		*read.into = map[string][]byte{}
		for key, value := range secret.Data {
			(*read.into)[key] = value
		}
	}
	return secrets, nil
}

// trouble reports to the owner that a notification is late.
func (s *sender) trouble(r outbox.Record, cause error) { s.report(r, cause, "trying again") }

// dead reports to the owner that a notification is given up.
func (s *sender) dead(r outbox.Record, cause error) { s.report(r, cause, "giving up") }

func (s *sender) report(r outbox.Record, cause error, what string) {
	var d route.Delivery
	if err := json.Unmarshal(r.Body, &d); err != nil {
		s.reporter.log.Error(errors.Join(cause, err), "giving up a delivery that cannot be read", "id", r.ID)
		return
	}
	object := d.Event.InvolvedObject
	s.reporter.warn(d.Alert, meta.ReasonNotificationDispatchFailed, fmt.Sprintf("notifying Provider %s about %s/%s in namespace %s, %s: %v",
		d.Provider.Name, object.Kind, object.Name, object.Namespace, what, cause))
}
