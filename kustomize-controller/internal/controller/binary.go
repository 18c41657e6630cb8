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
	"github.com/capstan-gitops/capstan/pkg/app"
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

func setup(ctx context.Context, env *app.Env, cfg *config.Config) error {
	transport, err := egress.NewTransport(egress.Options{})
	if err != nil {
		return err
	}
	if err := env.PostEvents(transport); err != nil {
		return err
	}
	parts, err := newParts(ctx, env, cfg)
	if err != nil {
		return err
	}
	if err := env.Add(parts.pool); err != nil {
		return fmt.Errorf("adding the clusters: %w", err)
	}
	return setupKustomization(ctx, env, cfg, parts.phases, parts.waker)
}
