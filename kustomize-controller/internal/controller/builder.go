package controller

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	tokencache "github.com/fluxcd/pkg/cache"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/build/remotebase"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/sops"
	"github.com/capstan-gitops/capstan/pkg/sops/identity"
)

// newArtifacts makes the cache of artifacts.
func newArtifacts(cfg *config.Config) (*artifact.Cache, error) {
	fetcher, err := egress.NewClient(egress.Options{})
	if err != nil {
		return nil, err
	}
	return artifact.NewCache(artifact.CacheOptions{
		Client: fetcher, MaxBytes: cfg.ArtifactCacheSize, Host: os.Getenv("SOURCE_CONTROLLER_LOCALHOST"),
	})
}

// builderNeeds is what a builder uses of the rest of the controller.
type builderNeeds struct {
	direct     client.Client
	tokens     *tokencache.TokenCache
	artifacts  *artifact.Cache
	references *reference.Store
	sources    *unitstate.Sources
	owner      *ownership.Owner
	key        inventory.Key
}

// newBuilder makes what turns artifacts into objects.
func newBuilder(env *app.Env, cfg *config.Config, n builderNeeds) (*build.Builder, error) {
	secrets, err := sops.New(sops.Options{ExemptKey: kustomizev1.PolicyDecrypt, Clock: env.Clock})
	if err != nil {
		return nil, err
	}
	builder := &build.Builder{
		Artifacts: n.artifacts, Kustomize: kustomize.NewBuilder(kustomize.Options{}), Contents: n.references.Data,
		Decryption: &build.Decryption{
			Service: secrets, Installation: installed(cfg), Account: cfg.DefaultDecryptionServiceAccount,
			Identities: identity.Options{
				Kind: kustomizev1.KustomizationKind, Client: n.direct, HTTP: secrets.Client(), Cache: n.tokens,
				Controller: types.NamespacedName{Namespace: cfg.Namespace(), Name: cfg.Name},
			},
		},
		Owner: n.owner, Key: n.key, Strict: cfg.Enabled("StrictPostBuildSubstitutions"),
		Distrust: n.sources.Distrust,
		NoCache:  !cfg.Enabled(config.GateBuilds) || !cfg.Enabled(config.GateSkips),
	}
	if cfg.NoRemoteBases {
		return builder, nil
	}
	bases, err := remotebase.New(remotebase.Options{})
	if err != nil {
		return nil, err
	}
	builder.Remote = bases.Fetch
	return builder, env.Add(manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		return bases.Close()
	}))
}

// buildID names the binary and the flags that shape what it builds and applies:
// another one may make other objects of the same inputs.
func buildID(cfg *config.Config) string {
	id := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		id = info.String()
	}
	return strings.Join([]string{
		id, fmt.Sprint(cfg.Enabled("StrictPostBuildSubstitutions")), fmt.Sprint(cfg.NoRemoteBases), fmt.Sprint(cfg.Enabled(config.GateUnknown)),
		cfg.DefaultServiceAccount, cfg.DefaultDecryptionServiceAccount, cfg.DefaultKubeConfigServiceAccount,
	}, "\n")
}
