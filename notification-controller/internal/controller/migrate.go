package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/events"
)

// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,verbs=get
// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions/status,verbs=patch

const (
	// migrationPage is how many objects are read at once, migrationPause how long a
	// migration that failed rests.
	migrationPage  = 500
	migrationPause = time.Minute

	alertDefinition    = "alerts.notification.toolkit.fluxcd.io"
	providerDefinition = "providers.notification.toolkit.fluxcd.io"

	proxyHeld = "spec.proxy is a field of v1beta3, which the API server drops at the next write of this object: " +
		"put the address into a Secret and name it in spec.proxySecretRef"
)

// migration rewrites objects that are stored as v1beta3 in the form of v1, and notes in
// the definitions that none is left, without which a later release could not stop
// serving v1beta3. A definition that is done costs the leader one request at the start.
type migration struct {
	live     client.Reader
	client   client.Client
	recorder events.Sink
	clock    clock.Clock
	log      logr.Logger
	// namespace bounds what is rewritten; empty is every namespace.
	namespace string
}

func newMigration(env *app.Env) *migration {
	m := &migration{
		live: env.GetAPIReader(), client: env.GetClient(), recorder: env.Recorder, clock: env.Clock, log: env.Log.WithName("migration"),
	}
	if !env.Options.Watch.AllNamespaces {
		m.namespace = env.Options.Namespace()
	}
	return m
}

// NeedLeaderElection says that one replica rewrites.
func (m *migration) NeedLeaderElection() bool { return true }

// Start rewrites until everything is, or the context ends.
func (m *migration) Start(ctx context.Context) error {
	for {
		err := m.run(ctx)
		switch {
		case err == nil:
			return nil
		case apierrors.IsForbidden(err):
			m.log.Info("leaving objects as they are stored", "error", err.Error())
			return nil
		}
		m.log.Error(err, "rewriting stored objects, trying again")
		select {
		case <-ctx.Done():
			return nil
		case <-m.clock.After(migrationPause):
		}
	}
}

func (m *migration) run(ctx context.Context) error {
	if err := m.migrate(ctx, alertDefinition, m.alerts); err != nil {
		return fmt.Errorf("rewriting Alerts: %w", err)
	}
	if err := m.migrate(ctx, providerDefinition, m.providers); err != nil {
		return fmt.Errorf("rewriting Providers: %w", err)
	}
	return nil
}

// migrate rewrites the objects of a definition. The function reports whether all are.
func (m *migration) migrate(ctx context.Context, name string, rewrite func(context.Context) (bool, error)) error {
	crd, pending, err := m.pending(ctx, name)
	if err != nil || !pending {
		return err
	}
	all, err := rewrite(ctx)
	if err != nil || !all || m.namespace != "" {
		return err
	}
	// The version is that from before the objects were listed: a definition that was
	// changed meanwhile may have stored others.
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": crd.GetResourceVersion()},
		"status":   map[string]any{"storedVersions": []string{notificationv1.GroupVersion.Version}},
	})
	if err != nil {
		return fmt.Errorf("encoding the stored versions: %w", err)
	}
	if err := m.client.Status().Patch(ctx, crd, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("writing the stored versions of %s: %w", name, err)
	}
	m.log.Info("rewrote every stored object", "definition", name)
	return nil
}

// pending returns a definition, and whether objects of it may be stored in another form
// than the one they are stored in now, which has to be v1.
func (m *migration) pending(ctx context.Context, name string) (*unstructured.Unstructured, bool, error) {
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	if err := m.live.Get(ctx, client.ObjectKey{Name: name}, crd); err != nil {
		return nil, false, fmt.Errorf("reading the definition %s: %w", name, err)
	}
	stored, _, err := unstructured.NestedStringSlice(crd.Object, "status", "storedVersions")
	if err != nil {
		return nil, false, fmt.Errorf("reading the stored versions of %s: %w", name, err)
	}
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		return nil, false, fmt.Errorf("reading the versions of %s: %w", name, err)
	}
	storesV1 := slices.ContainsFunc(versions, func(v any) bool {
		version, ok := v.(map[string]any)
		return ok && version["name"] == notificationv1.GroupVersion.Version && version["storage"] == true
	})
	older := slices.ContainsFunc(stored, func(v string) bool { return v != notificationv1.GroupVersion.Version })
	return crd, storesV1 && older, nil
}

// alerts rewrites the Alerts. A summary becomes the key of the metadata that it stands
// for; it had the last word there, too.
func (m *migration) alerts(ctx context.Context) (bool, error) {
	list := &notificationv1beta3.AlertList{}
	return true, m.pages(ctx, list, func() error {
		for i := range list.Items {
			a := &list.Items[i]
			spec := map[string]any{}
			if a.Spec.Summary != "" {
				spec["eventMetadata"] = map[string]any{"summary": a.Spec.Summary}
			}
			rewritten := &notificationv1.Alert{ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: a.Name, UID: a.UID}}
			if err := m.rewrite(ctx, rewritten, spec); err != nil {
				return err
			}
			if a.Spec.Summary != "" {
				m.report(rewritten, notificationv1.AlertKind, events.Info,
					"moved spec.summary, which v1 does not have, to the key summary of spec.eventMetadata")
			}
		}
		return nil
	})
}

// providers rewrites the Providers. One that needs its spec.proxy stays as it is,
// because v1 has no place for it.
func (m *migration) providers(ctx context.Context) (bool, error) {
	all := true
	list := &notificationv1beta3.ProviderList{}
	err := m.pages(ctx, list, func() error {
		for i := range list.Items {
			p := &list.Items[i]
			object := &notificationv1.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, UID: p.UID}}
			if needsOldProxy(p) {
				all = false
				m.report(object, notificationv1.ProviderKind, events.Error, proxyHeld)
				continue
			}
			if err := m.rewrite(ctx, object, nil); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// pages lists objects as v1beta3, page by page.
func (m *migration) pages(ctx context.Context, list client.ObjectList, page func() error) error {
	for next := ""; ; {
		err := m.live.List(ctx, list, client.InNamespace(m.namespace), client.Limit(migrationPage), client.Continue(next))
		if err != nil {
			return fmt.Errorf("listing what is stored as v1beta3: %w", err)
		}
		if err := page(); err != nil {
			return err
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// rewrite writes an object as v1, changed or not. One that is gone, or another by now,
// needs it no more.
func (m *migration) rewrite(ctx context.Context, obj client.Object, spec map[string]any) error {
	patch := map[string]any{"metadata": map[string]any{"uid": obj.GetUID()}}
	if len(spec) > 0 {
		patch["spec"] = spec
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encoding the patch of %s/%s: %w", obj.GetNamespace(), obj.GetName(), err)
	}
	err = m.client.Patch(ctx, obj, client.RawPatch(types.MergePatchType, body))
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("rewriting %s/%s: %w", obj.GetNamespace(), obj.GetName(), err)
	}
	return nil
}

func (m *migration) report(obj client.Object, kind string, severity events.Severity, message string) {
	m.recorder.Emit(obj, events.Event{
		GVK: notificationv1.GroupVersion.WithKind(kind), Severity: severity, Reason: meta.ReasonMigration, Message: message,
	})
}

// needsOldProxy reports whether messages of a Provider pass the proxy of its spec.
func needsOldProxy(p *notificationv1beta3.Provider) bool {
	return p.Spec.Proxy != "" && p.Spec.ProxySecretRef == nil
}

// oldProxies are the proxies of Providers that are still stored as v1beta3, as the API
// server hands them over. They are read before anything is sent, on every replica.
type oldProxies map[types.UID]oldProxy

// oldProxy holds for one version of a Provider: any write drops the field.
type oldProxy struct{ resourceVersion, address string }

func (m *migration) readProxies(ctx context.Context) (oldProxies, error) {
	_, pending, err := m.pending(ctx, providerDefinition)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		m.log.Info("not looking for proxies of v1beta3", "error", err.Error())
		return nil, nil
	}
	if err != nil || !pending {
		return nil, err
	}
	found := oldProxies{}
	list := &notificationv1beta3.ProviderList{}
	return found, m.pages(ctx, list, func() error {
		for i := range list.Items {
			if p := &list.Items[i]; needsOldProxy(p) {
				found[p.UID] = oldProxy{resourceVersion: p.ResourceVersion, address: p.Spec.Proxy}
			}
		}
		return nil
	})
}

// of returns the proxy of a Provider, if it still has one.
func (o oldProxies) of(p *notificationv1.Provider) string {
	if known := o[p.UID]; known.resourceVersion == p.ResourceVersion {
		return known.address
	}
	return ""
}
