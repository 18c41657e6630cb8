// Package controller wires the Kustomization kind: what wakes it, its list of
// phases, and how its status is derived.
package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/cloud"
	"github.com/capstan-gitops/capstan/pkg/delivery/ledger"
	"github.com/capstan-gitops/capstan/pkg/egress"
)

// Binary describes kustomize-controller.
func Binary(cfg *config.Config) app.Binary {
	return app.Binary{
		Options: &cfg.Options,
		AddToScheme: []func(*runtime.Scheme) error{
			clientgoscheme.AddToScheme, kustomizev1.AddToScheme, sourcev1.AddToScheme,
		},
		Own: []client.Object{&kustomizev1.Kustomization{}},
		Setup: func(ctx context.Context, env *app.Env) error {
			return setup(ctx, env, cfg)
		},
	}
}

// installed is what the flags give to all units.
func installed(cfg *config.Config) request.Installation {
	return request.Installation{
		Namespace: cfg.Namespace(), AgeSecret: cfg.SOPSAgeSecret, VaultConfigMap: cfg.SOPSVaultConfigMap,
	}
}

// setup makes everything the controller is made of; each value uses those before it.
func setup(ctx context.Context, env *app.Env, cfg *config.Config) error {
	transport, err := egress.NewTransport(egress.Options{})
	if err != nil {
		return err
	}
	if err := env.PostEvents(transport); err != nil {
		return err
	}
	// A cache of what this client reads would watch every Secret and ServiceAccount
	// of the cluster.
	direct, err := client.New(env.GetConfig(), client.Options{
		Scheme: env.GetScheme(), HTTPClient: env.GetHTTPClient(), Mapper: env.GetRESTMapper(),
	})
	if err != nil {
		return fmt.Errorf("making a client that does not cache: %w", err)
	}
	key, err := ledger.Key(ctx, direct, cfg.Namespace(), env.Log)
	if err != nil {
		return err
	}
	tokens, err := cloud.NewTokenCache(cfg.TokenCacheMaxSize, cfg.TokenCacheMaxDuration, env.Registry)
	if err != nil {
		return err
	}
	artifacts, err := newArtifacts(cfg)
	if err != nil {
		return err
	}
	units, sources := unitstate.New(), &unitstate.Sources{}
	clusters, err := newClusters(env, cfg, direct, tokens, units)
	if err != nil {
		return err
	}
	digests := &inputs.Inputs{
		Artifacts: artifacts, References: clusters.references, Installation: installed(cfg),
		Units: units, Sources: sources, Build: buildID(cfg),
	}
	builder, err := newBuilder(env, cfg, builderNeeds{
		direct: direct, tokens: tokens, artifacts: artifacts, references: clusters.references, sources: sources,
		owner: clusters.owner, key: key,
	})
	if err != nil {
		return err
	}
	k := &kustomizations{
		env: env, cfg: cfg, clusters: clusters, units: units, digests: digests, builder: builder, key: key,
		find: newLookup(env, cfg),
	}
	phases, err := k.phases(direct)
	if err != nil {
		return err
	}
	return k.setup(ctx, phases)
}
