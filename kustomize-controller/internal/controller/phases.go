package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/claim"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
	"github.com/capstan-gitops/capstan/pkg/delivery/dependency"
	"github.com/capstan-gitops/capstan/pkg/delivery/rights"
	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
	"github.com/capstan-gitops/capstan/pkg/metrics"
)

// phases gives each phase what it needs.
func (k *kustomizations) phases(direct client.Client) (phase.Phases, error) {
	cfg, clock := k.cfg, k.env.Clock
	budget, err := deletion.ParseBudget(cfg.DeletionBudget...)
	if err != nil {
		return phase.Phases{}, fmt.Errorf("reading --deletion-budget: %w", err)
	}
	snapshots, err := k.snapshots(direct)
	if err != nil {
		return phase.Phases{}, err
	}
	k.drifting = metrics.NewDrifted(k.env.Registry)
	clusters, waker := k.clusters, k.clusters.waker
	dependencies := &dependency.Checker{Unit: k.dependency, Additive: cfg.Enabled("AdditiveCELDependencyCheck")}
	claims := claim.Finder{
		Siblings: k.find.siblings, Sharing: k.find.sharing, Digests: k.digests, Units: k.units, Builder: k.builder,
	}
	return phase.Phases{
		Accept:       phase.Accept{Expressions: request.NewExpressions(), Allow: allowed(cfg)},
		Source:       phase.Source{Find: k.find.sourceOf, NoCancel: !cfg.Enabled("CancelHealthCheckOnNewRevision")},
		Dependencies: phase.Dependencies{Check: dependencies.Check},
		References: phase.References{
			Of: installed(cfg).References, Observe: clusters.references.Observe, Forget: clusters.references.Forget,
		},
		Cluster: phase.Cluster{Place: clusters.placer.Place},
		Inputs: phase.Inputs{
			Digests: k.digests, Key: k.key, Rights: rights.New(k.env.GetCache(), k.env.Log).Count, Answer: k.answer,
			NoSkips: !cfg.Enabled(config.GateSkips), NoWatch: !cfg.Enabled(config.GateWatch),
		},
		Build: phase.Build{Builder: k.builder, Sources: k.digests.Sources, Downloads: cfg.HTTPRetry},
		Plan:  phase.Plan{NoLedger: !cfg.Enabled(config.GateLedger), RefuseUnknown: cfg.Enabled(config.GateUnknown)},
		Apply: phase.Apply{
			Normal: k.builder.Normal, Wake: waker.Wake, Drifting: k.drifting,
			Disagreed: metrics.NewAuditDisagreements(k.env.Registry).Inc, GroupLog: cfg.Enabled("GroupChangeLog"),
			RefuseUnknown: cfg.Enabled(config.GateUnknown),
		},
		Prune: phase.Prune{
			Claimed: claims.Elsewhere, Needed: claims.Needed, Budget: budget, Snapshots: snapshots,
		},
		Health:   phase.Health{Clock: clock, Key: k.key, NoFailFast: cfg.Enabled("DisableFailFastBehavior")},
		Finalize: phase.Finalize{Place: clusters.placer.Place, Snapshots: snapshots, Clock: clock},
	}, nil
}

func allowed(cfg *config.Config) phase.Allow {
	return phase.Allow{
		CrossNamespace:   !cfg.ACL.NoCrossNamespaceRefs,
		ExternalArtifact: cfg.Enabled("ExternalArtifact"),
		WorkloadIdentity: cfg.Enabled("ObjectLevelWorkloadIdentity"),
	}
}

// snapshots makes the store of what was pruned.
func (k *kustomizations) snapshots(direct client.Client) (*snapshot.Store, error) {
	store, err := snapshot.New(snapshot.Options{
		Client: direct, Clock: k.env.Clock, Kind: kustomizev1.KustomizationKind,
		Keep: snapshot.DefaultKeep, Secrets: k.cfg.SnapshotSecrets,
		Namespace: watched(k.cfg), Log: k.env.Log.WithName("snapshots"),
	})
	if err != nil {
		return nil, err
	}
	return store, k.env.Add(store)
}

// watched is the only namespace that is watched; empty for all.
func watched(cfg *config.Config) string {
	if cfg.Watch.AllNamespaces {
		return ""
	}
	return cfg.Namespace()
}

// dependency returns what checks of dependencies know of a unit; nil if there is no
// such unit.
func (k *kustomizations) dependency(ctx context.Context, name types.NamespacedName) (*dependency.Unit, error) {
	unit, err := k.find.unit(ctx, name)
	if err != nil || unit == nil {
		return nil, err
	}
	known := request.Dependency(unit)
	known.Concerns = func(ctx context.Context, a *meta.Artifact) bool { return k.digests.Concerns(ctx, unit, a) }
	return known, nil
}

// answer is called when the list of live objects came that a unit asked for.
func (k *kustomizations) answer(unit types.NamespacedName, uid types.UID, token string) {
	k.units.Answer(unit, uid, token)
	k.clusters.waker.Answer(unit)
}
