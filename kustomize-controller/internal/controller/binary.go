// Package controller wires the Kustomization kind: what wakes it, its list of
// phases, and how its status is derived.
package controller

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/metrics"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

// fieldManager is the field manager of applied objects. It is part of the wire
// contract: objects applied by Flux carry the same.
const fieldManager = "kustomize-controller"

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
	w := newWaker()
	phases, err := newPhases(ctx, env, cfg, w)
	if err != nil {
		return err
	}
	return setupKustomization(ctx, env, cfg, phases, w)
}

// newPhases makes everything the phases work with.
func newPhases(ctx context.Context, env *app.Env, cfg *config.Config, w *waker) (*phase.Phases, error) {
	key, err := ledgerKey(ctx, env, cfg.Options.Namespace())
	if err != nil {
		return nil, err
	}
	cluster, err := newCluster(env, cfg, w)
	if err != nil {
		return nil, err
	}
	cache, err := newArtifactCache(cfg)
	if err != nil {
		return nil, err
	}
	lookup := &lookup{reader: env.GetClient()}
	return &phase.Phases{
		Source: lookup.source, Unit: lookup.unit, Siblings: lookup.siblings,
		Read: cluster.read, Wake: w.wake,
		Artifacts: cache, Builder: kustomize.NewBuilder(kustomize.Options{}),
		Live: cluster.table, Applier: cluster.applier, Memory: memory.New(), Key: key,
		Build:    buildID(),
		Strict:   cfg.Enabled("StrictPostBuildSubstitutions"),
		FailFast: !cfg.Enabled("DisableFailFastBehavior"),
		Switches: phase.Switches{
			NoSkips: !cfg.Enabled(config.GateSkips), NoLedger: !cfg.Enabled(config.GateLedger), NoWatch: !cfg.Enabled(config.GateWatch),
		},
		Disagreed:        metrics.NewAuditDisagreements(ctrlmetrics.Registry).Inc,
		NoCrossNamespace: cfg.ACL.NoCrossNamespaceRefs,
		Clock:            env.Clock,
	}, nil
}

// cluster is how the controller reaches the cluster it applies to.
type cluster struct {
	table   *live.Table
	applier *apply.Applier
	dynamic dynamic.Interface
	mapper  restMapper
}

func newCluster(env *app.Env, cfg *config.Config, w *waker) (*cluster, error) {
	rest, err := tenancy.Config(env.GetConfig(), tenancy.Controller())
	if err != nil {
		return nil, err
	}
	meta, err := metadata.NewForConfigAndClient(metadata.ConfigFor(rest), env.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("making the metadata client: %w", err)
	}
	dyn, err := dynamic.NewForConfigAndClient(rest, env.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("making the dynamic client: %w", err)
	}
	table, err := live.New(live.Options{
		Metadata: meta, Mapper: env.GetRESTMapper(), Clock: env.Clock,
		Marker: live.Marker{
			FieldManager: fieldManager, OwnerNameKey: kustomizev1.LabelName, OwnerNamespaceKey: kustomizev1.LabelNamespace,
		},
		Takeover: live.DefaultTakeover(fieldManager, cfg.OverrideManagers...),
		Wake: func(unit live.Unit, _ live.Cause) {
			if cfg.Enabled(config.GateWatch) {
				w.wake(unit)
			}
		},
		Log: env.Log.WithName("live"),
	})
	if err != nil {
		return nil, err
	}
	if err := env.Add(table); err != nil {
		return nil, fmt.Errorf("adding the live table: %w", err)
	}
	staged, err := groupKinds(cfg.StagedKinds)
	if err != nil {
		return nil, err
	}
	applier, err := apply.New(apply.Options{
		Config: rest, HTTP: env.GetHTTPClient(), Mapper: env.GetRESTMapper(), Table: table,
		CustomStage: staged, Clock: env.Clock,
	})
	if err != nil {
		return nil, err
	}
	return &cluster{table: table, applier: applier, dynamic: dyn, mapper: env.GetRESTMapper()}, nil
}

func newArtifactCache(cfg *config.Config) (*artifact.Cache, error) {
	client, err := egress.NewClient(egress.Options{})
	if err != nil {
		return nil, err
	}
	return artifact.NewCache(artifact.CacheOptions{
		Client: client, MaxBytes: cfg.ArtifactCacheSize, Host: os.Getenv("SOURCE_CONTROLLER_LOCALHOST"),
	})
}

// groupKinds reads --custom-apply-stage-kinds.
func groupKinds(texts []string) ([]schema.GroupKind, error) {
	var kinds []schema.GroupKind
	for _, text := range texts {
		group, kind := filepath.Split(text)
		if kind == "" || group == "" {
			return nil, fmt.Errorf("reading --custom-apply-stage-kinds: %q has not the form group/Kind", text)
		}
		kinds = append(kinds, schema.GroupKind{Group: group[:len(group)-1], Kind: kind})
	}
	return kinds, nil
}

// buildID names the binary: another one may build other objects from the same
// inputs.
func buildID() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.String()
}
