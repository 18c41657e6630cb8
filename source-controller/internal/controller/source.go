package controller

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/status"
	"github.com/capstan-gitops/capstan/pkg/watch"
	"github.com/capstan-gitops/capstan/source-controller/internal/config"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
)

// sourceKind is what one kind of source has for itself. The phases, the wiring,
// the conditions and the events are the same for all.
type sourceKind[O reconciler.Object] struct {
	// name of the kind.
	name string
	// empty returns an empty object.
	empty func() O
	// interval and timeout read the durations of the spec.
	interval, timeout func(O) (time.Duration, error)
	// settings fills in what the scope takes from the spec.
	settings func(O, *phase.Scope)
	// connect reads the credentials and returns the source.
	connect func(context.Context, O) (upstream.Upstream, error)
	// artifact returns the field of the status that shows the artifact.
	artifact func(O) **meta.Artifact
	// observe notes in the status with which settings the artifact was made.
	observe func(O, *phase.Scope)
}

// setup adds the controller of the kind.
func (k sourceKind[O]) setup(env *app.Env, cfg *config.Config, store *storage.Storage) error {
	return manage(env, cfg, k.kind(store, phase.Options{Algorithm: cfg.DigestAlgo, MaxBytes: cfg.ArtifactMaxSize}))
}

// manage adds a controller.
func manage[O reconciler.Object, S reconciler.Scoped](env *app.Env, cfg *config.Config, kind reconciler.Kind[O, S]) error {
	retries := env.Retries()
	r := &reconciler.Reconciler[O, S]{
		Kind: kind, Retries: retries,
		Client: env.GetClient(), Live: env.GetAPIReader(), Recorder: env.Recorder,
		Observe: env.Metrics.Observe, Clock: env.Clock, Jitter: env.Interval,
		FieldOwner: cfg.Name, WaitFallback: cfg.RequeueDependency,
	}
	err := ctrl.NewControllerManagedBy(env).
		For(kind.New(), builder.WithPredicates(watch.Asked())).
		WithOptions(env.Controller(retries)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up %s: %w", kind.GVK.Kind, err)
	}
	return nil
}

func (k sourceKind[O]) kind(store *storage.Storage, o phase.Options) reconciler.Kind[O, *phase.Scope] {
	phases := phase.List(store, o)
	conditions := conditionsOf(phases)
	return reconciler.Kind[O, *phase.Scope]{
		GVK:         sourcev1.GroupVersion.WithKind(k.name),
		New:         k.empty,
		Scope:       k.scope,
		Phases:      phases,
		Finalize:    phase.Finalize(store),
		Timing:      k.timing,
		Conditions:  conditions.derive,
		Owns:        conditions.owned(),
		Record:      k.record,
		Annotations: artifactAnnotations,
		Success:     recovered,
	}
}

func (k sourceKind[O]) scope(obj O, pass reconciler.Pass) *phase.Scope {
	timeout, _ := k.timeout(obj) // a bad one has stalled the object
	s := &phase.Scope{
		Pass:        pass,
		Ref:         storage.Ref{Kind: k.name, Namespace: obj.GetNamespace(), Name: obj.GetName()},
		Current:     *k.artifact(obj),
		Timeout:     timeout,
		FetchFailed: fetchFailed(obj),
		Respecified: obj.GetGeneration() != obj.CommonStatus().ObservedGeneration,
		Connect:     func(ctx context.Context) (upstream.Upstream, error) { return k.connect(ctx, obj) },
	}
	k.settings(obj, s)
	return s
}

// fetchFailed reports whether the status says of the present spec that the source could
// not be reached or read.
func fetchFailed(obj reconciler.Object) bool {
	c := status.Find(obj.CommonStatus().Conditions, meta.ConditionFetchFailed)
	return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == obj.GetGeneration()
}

// timing reads every duration of the spec, so that a bad one is reported.
func (k sourceKind[O]) timing(obj O) (reconciler.Timing, error) {
	interval, err := k.interval(obj)
	if err != nil {
		return reconciler.Timing{}, fmt.Errorf("reading spec.interval: %w", err)
	}
	if _, err := k.timeout(obj); err != nil {
		return reconciler.Timing{}, fmt.Errorf("reading spec.timeout: %w", err)
	}
	return reconciler.Timing{Interval: interval}, nil
}

// record writes the fields of the status.
func (k sourceKind[O]) record(obj O, s *phase.Scope, v reconciler.Verdict) {
	if !v.OK() {
		*k.artifact(obj) = s.Current // gone when it was found damaged
		return
	}
	*k.artifact(obj) = s.Artifact
	k.observe(obj, s)
}

// artifactAnnotations are added to every event about a source.
func artifactAnnotations(s *phase.Scope) map[string]string {
	shown := s.Artifact
	if shown == nil {
		shown = s.Current
	}
	if shown == nil {
		return nil
	}
	return map[string]string{"revision": shown.Revision, "digest": shown.Digest}
}

// recovered is the event of a source that works again, unless a new artifact has
// an event of its own.
func recovered(s *phase.Scope, _ reconciler.Timing) reconciler.Note {
	if s.Changed || s.Artifact == nil {
		return reconciler.Note{}
	}
	return reconciler.Note{Message: s.Candidate.Ready.Text}
}

// readSecret returns what is in the Secret of spec.secretRef; nothing if there is
// no reference.
func readSecret(ctx context.Context, secrets client.Reader, namespace string, ref *meta.LocalObjectReference) (map[string][]byte, error) {
	if ref == nil {
		return nil, nil
	}
	secret := &corev1.Secret{}
	key := types.NamespacedName{Namespace: namespace, Name: ref.Name}
	if err := secrets.Get(ctx, key, secret); err != nil {
		return nil, fault.Retry(meta.ReasonAuthenticationFailed, fmt.Errorf("reading Secret %s of spec.secretRef: %w", key, err))
	}
	return secret.Data, nil
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
