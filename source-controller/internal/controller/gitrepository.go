package controller

import (
	"context"
	"math/rand/v2"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/source-controller/internal/config"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/git"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/hosts"
)

// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories,verbs=get;list;watch;patch;update
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories/status,verbs=get;patch;update
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update;patch

// defaultGitTimeout bounds each exchange with a Git server when the spec says nothing.
const defaultGitTimeout = 60 * time.Second

// setupGitRepository adds the controller of GitRepository.
func setupGitRepository(env *app.Env, cfg *config.Config, store *storage.Storage) error {
	remote := hosts.New(hosts.Options{
		Clock: env.Clock, Least: cfg.RateLimiter.MinRetryDelay, Most: cfg.RateLimiter.MaxRetryDelay, Random: rand.Float64,
	})
	dialer, err := git.New(cfg.ArtifactMaxSize, remote.Around)
	if err != nil {
		return err
	}
	return gitRepository(&gitConnector{secrets: env.GetClient(), dialer: dialer}).setup(env, cfg, store)
}

func gitRepository(c *gitConnector) sourceKind[*sourcev1.GitRepository] {
	return sourceKind[*sourcev1.GitRepository]{
		name:     sourcev1.GitRepositoryKind,
		empty:    func() *sourcev1.GitRepository { return &sourcev1.GitRepository{} },
		interval: func(obj *sourcev1.GitRepository) (time.Duration, error) { return obj.Spec.Interval.Parse() },
		timeout: func(obj *sourcev1.GitRepository) (time.Duration, error) {
			return obj.Spec.Timeout.Or(defaultGitTimeout)
		},
		connect:  c.connect,
		artifact: func(obj *sourcev1.GitRepository) **meta.Artifact { return &obj.Status.Artifact },
		settings: func(obj *sourcev1.GitRepository, s *phase.Scope) {
			s.Ignore = deref(obj.Spec.Ignore)
			s.SettingsChanged = s.Ignore != deref(obj.Status.ObservedIgnore)
			s.Unsupported = unsupportedGitField(&obj.Spec)
		},
		observe: func(obj *sourcev1.GitRepository, _ *phase.Scope) { obj.Status.ObservedIgnore = obj.Spec.Ignore },
	}
}

// gitConnector reaches repositories.
type gitConnector struct {
	secrets client.Reader
	dialer  *git.Dialer
}

// connect reads the Secret of the repository and returns the repository.
func (c *gitConnector) connect(ctx context.Context, obj *sourcev1.GitRepository) (upstream.Upstream, error) {
	data, err := readSecret(ctx, c.secrets, obj.Namespace, obj.Spec.SecretRef)
	if err != nil {
		return nil, err
	}
	auth, err := credentials.ForGit(data, obj.Spec.URL)
	if err != nil {
		return nil, fault.Retry(meta.ReasonAuthenticationFailed, err)
	}
	return c.dialer.Open(obj.Spec.URL, auth, obj.Spec.Reference), nil
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
