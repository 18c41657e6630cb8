package controller

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/watch"
	"github.com/capstan-gitops/capstan/source-controller/internal/config"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/git"
)

// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories,verbs=get;list;watch;patch;update
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories/status,verbs=get;patch;update
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update;patch

// defaultGitTimeout bounds a dealing with a Git server when the spec says nothing.
const defaultGitTimeout = 60 * time.Second

// setupGitRepository adds the controller of GitRepository.
func setupGitRepository(env *app.Env, cfg *config.Config, phases *phase.Phases) error {
	dialer, err := git.New(cfg.ArtifactMaxSize)
	if err != nil {
		return err
	}
	g := &gitRepositories{secrets: env.GetClient(), dialer: dialer}
	r := &reconciler.Reconciler[*sourcev1.GitRepository, *phase.Scope]{
		Kind:   g.kind(phases),
		Client: env.GetClient(), Live: env.GetAPIReader(), Recorder: env.Recorder,
		Observe: env.Metrics.Observe, Clock: env.Clock, Jitter: env.Interval,
		FieldOwner: cfg.Name, WaitFallback: cfg.RequeueDependency,
	}
	return ctrl.NewControllerManagedBy(env).
		For(&sourcev1.GitRepository{}, builder.WithPredicates(watch.Asked())).
		WithOptions(env.Controller()).
		Complete(r)
}

// gitRepositories knows what is particular about the kind.
type gitRepositories struct {
	secrets client.Reader
	dialer  *git.Dialer
}

func (g *gitRepositories) kind(phases *phase.Phases) reconciler.Kind[*sourcev1.GitRepository, *phase.Scope] {
	return reconciler.Kind[*sourcev1.GitRepository, *phase.Scope]{
		GVK:         sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind),
		New:         func() *sourcev1.GitRepository { return &sourcev1.GitRepository{} },
		Scope:       g.scope,
		Phases:      phases.List(),
		Finalize:    phases.Finalize(),
		Timing:      gitTiming,
		Conditions:  sourceConditions,
		Owns:        ownedConditions(),
		Record:      recordGitRepository,
		Annotations: artifactAnnotations,
		Success:     recovered,
	}
}

func (g *gitRepositories) scope(obj *sourcev1.GitRepository, pass reconciler.Pass) *phase.Scope {
	timeout, err := obj.Spec.Timeout.Or(defaultGitTimeout)
	if err != nil {
		timeout = defaultGitTimeout // gitTiming has stalled the object
	}
	s := &phase.Scope{
		Pass:            pass,
		Ref:             storage.Ref{Kind: sourcev1.GitRepositoryKind, Namespace: obj.Namespace, Name: obj.Name},
		Current:         obj.Status.Artifact,
		Timeout:         timeout,
		SettingsChanged: deref(obj.Spec.Ignore) != deref(obj.Status.ObservedIgnore),
		Ignore:          deref(obj.Spec.Ignore),
		Unsupported:     unsupportedGitField(&obj.Spec),
	}
	s.Connect = func(ctx context.Context) (upstream.Upstream, error) { return g.connect(ctx, obj) }
	return s
}

// connect reads the Secret of the repository and returns the repository.
func (g *gitRepositories) connect(ctx context.Context, obj *sourcev1.GitRepository) (upstream.Upstream, error) {
	var data map[string][]byte
	if ref := obj.Spec.SecretRef; ref != nil {
		secret := &corev1.Secret{}
		key := types.NamespacedName{Namespace: obj.Namespace, Name: ref.Name}
		if err := g.secrets.Get(ctx, key, secret); err != nil {
			return nil, fault.Retry(meta.ReasonAuthenticationFailed,
				fmt.Errorf("reading Secret %s of spec.secretRef: %w", key, err))
		}
		data = secret.Data
	}
	auth, err := credentials.ForGit(data, obj.Spec.URL)
	if err != nil {
		return nil, fault.Retry(meta.ReasonAuthenticationFailed, err)
	}
	return g.dialer.Open(obj.Spec.URL, auth, obj.Spec.Reference), nil
}

// gitTiming reads every duration of the spec, so that a bad one is told.
func gitTiming(obj *sourcev1.GitRepository) (reconciler.Timing, error) {
	interval, err := obj.Spec.Interval.Parse()
	if err != nil {
		return reconciler.Timing{}, fmt.Errorf("reading spec.interval: %w", err)
	}
	if _, err := obj.Spec.Timeout.Or(defaultGitTimeout); err != nil {
		return reconciler.Timing{}, fmt.Errorf("reading spec.timeout: %w", err)
	}
	return reconciler.Timing{Interval: interval}, nil
}

// unsupportedGitField names the first field that is set and that this version
// does not act on.
func unsupportedGitField(spec *sourcev1.GitRepositorySpec) string {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"spec.provider", spec.Provider != "" && spec.Provider != sourcev1.ProviderGeneric},
		{"spec.serviceAccountName", spec.ServiceAccountName != ""},
		{"spec.verify", spec.Verification != nil},
		{"spec.proxySecretRef", spec.ProxySecretRef != nil},
		{"spec.recurseSubmodules", spec.RecurseSubmodules},
		{"spec.include", len(spec.Include) > 0},
		{"spec.sparseCheckout", len(spec.SparseCheckout) > 0},
	} {
		if field.set {
			return field.name
		}
	}
	return ""
}

// recordGitRepository writes the fields of the status.
func recordGitRepository(obj *sourcev1.GitRepository, s *phase.Scope, v reconciler.Verdict) {
	if !v.OK() {
		obj.Status.Artifact = s.Current // gone when it was found damaged
		return
	}
	obj.Status.Artifact = s.Artifact
	obj.Status.ObservedIgnore = obj.Spec.Ignore
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
