// Package controller wires the kinds of source-controller: for each, what wakes
// it, its list of phases, and how its status is derived.
package controller

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/source-controller/internal/config"
	"github.com/capstan-gitops/capstan/source-controller/internal/server"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
)

// Binary describes source-controller.
func Binary(cfg *config.Config) app.Binary {
	return app.Binary{
		Options:     &cfg.Options,
		AddToScheme: []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, sourcev1.AddToScheme},
		Own: []client.Object{
			&sourcev1.GitRepository{}, &sourcev1.OCIRepository{}, &sourcev1.Bucket{}, &sourcev1.HelmRepository{}, &sourcev1.HelmChart{},
		},
		Setup: func(_ context.Context, env *app.Env) error {
			return setup(env, cfg)
		},
	}
}

func setup(env *app.Env, cfg *config.Config) error {
	transport, err := egress.NewTransport(egress.Options{})
	if err != nil {
		return err
	}
	if err := env.PostEvents(transport); err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.StoragePath, 0o700); err != nil {
		return fmt.Errorf("creating the storage folder: %w", err)
	}
	store, err := storage.New(storage.Options{
		Dir: cfg.StoragePath, Advertised: cfg.Advertised(),
		TTL: cfg.RetentionTTL, Records: cfg.RetentionRecords, Clock: env.Clock,
	})
	if err != nil {
		return err
	}
	if err := env.Add(&server.Server{Addr: cfg.StorageAddr, Files: store}); err != nil {
		return fmt.Errorf("adding the artifact server: %w", err)
	}
	if err := setupGitRepository(env, cfg, store); err != nil {
		return err
	}
	return setupRefused(env, cfg)
}
