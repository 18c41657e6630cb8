package controller

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	tokencache "github.com/fluxcd/pkg/cache"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/capstan-gitops/capstan/kustomize-controller/internal/build"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/cluster"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/decrypt"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/decrypt/identity"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/dependency"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/reference"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/remote"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/remotebase"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/snapshot"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/metrics"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// parts are what the controller is made of.
type parts struct {
	env   *app.Env
	cfg   *config.Config
	waker *waker
	// direct reads from the API server: a cache of what it reads would watch every
	// Secret and ServiceAccount of the cluster.
	direct     client.Client
	key        inventory.Key
	memory     *memory.Memory
	artifacts  *artifact.Cache
	tokens     *tokencache.TokenCache
	pool       *cluster.Pool
	references *reference.Store
	snapshots  *snapshot.Store
	builder    *build.Builder
	placer     *placer
	phases     *phase.Phases
}

// newParts makes everything the phases work with. Each step uses what those
// before it made.
func newParts(ctx context.Context, env *app.Env, cfg *config.Config) (*parts, error) {
	p := &parts{env: env, cfg: cfg, waker: newWaker(), memory: memory.New()}
	for _, step := range []func(context.Context) error{
		p.makeDirect, p.makeCaches, p.makePool, p.makeReferences, p.makeSnapshots, p.makeBuilder, p.makePlacer, p.makePhases,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// makeDirect makes the client that does not cache, and reads the key of the
// ledger with it.
func (p *parts) makeDirect(ctx context.Context) (err error) {
	p.direct, err = client.New(p.env.GetConfig(), client.Options{
		Scheme: p.env.GetScheme(), HTTPClient: p.env.GetHTTPClient(), Mapper: p.env.GetRESTMapper(),
	})
	if err != nil {
		return fmt.Errorf("making a client that does not cache: %w", err)
	}
	p.key, err = ledgerKey(ctx, p.direct, p.cfg.Options.Namespace(), p.env.Log)
	return err
}

// makeCaches makes the caches of artifacts and tokens.
func (p *parts) makeCaches(context.Context) error {
	fetcher, err := egress.NewClient(egress.Options{})
	if err != nil {
		return err
	}
	p.artifacts, err = artifact.NewCache(artifact.CacheOptions{
		Client: fetcher, MaxBytes: p.cfg.ArtifactCacheSize, Host: os.Getenv("SOURCE_CONTROLLER_LOCALHOST"),
	})
	if err != nil {
		return err
	}
	p.tokens, err = remote.NewTokenCache(p.cfg.TokenCacheMaxSize, p.cfg.TokenCacheMaxDuration, p.env.Registry)
	return err
}

// makePool makes the clusters that units are applied to.
func (p *parts) makePool(context.Context) error {
	staged, err := groupKinds(p.cfg.StagedKinds)
	if err != nil {
		return err
	}
	owner, err := request.Owner(p.cfg.OverrideManagers...)
	if err != nil {
		return err
	}
	p.pool, err = cluster.New(cluster.Options{
		Config: p.env.GetConfig(), Mapper: p.env.GetRESTMapper(), Clock: p.env.Clock,
		MapperFor: mapperFor, Fence: p.env.Fence,
		Live: live.Options{
			Owner: owner, Wake: p.drifted, Clock: p.env.Clock, Log: p.env.Log.WithName("live"),
		},
		Apply: apply.Options{
			CustomStage: staged, Concurrent: p.cfg.ConcurrentSSA, MigrateAPIVersion: p.cfg.Enabled("MigrateAPIVersion"),
			Clock: p.env.Clock,
		},
		Named: p.seen,
	})
	if err != nil {
		return err
	}
	metrics.NewLive(p.env.Registry, func() metrics.Watched {
		sizes := p.pool.Sizes()
		return metrics.Watched{Watches: sizes.Watches, Objects: sizes.Objects, Dropped: sizes.Dropped}
	})
	return nil
}

// mapperFor finds the kinds of another cluster.
func mapperFor(cfg *rest.Config) (apimeta.RESTMapper, error) {
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("making a client for discovery: %w", err)
	}
	return apiutil.NewDynamicRESTMapper(cfg, client)
}

// drifted wakes a unit for which the live table has something.
func (p *parts) drifted(unit live.Unit, cause live.Cause) {
	if !p.cfg.Enabled(config.GateWatch) {
		return
	}
	switch cause {
	case live.CauseDirty, live.CauseGone:
		p.waker.correct(unit)
	case live.CauseHealth:
		p.waker.judge(unit)
	default:
		p.waker.wake(unit)
	}
}

// seen wakes a unit for an object that it follows by name.
func (p *parts) seen(unit types.NamespacedName, topic string, _ named.Ref, seen named.Seen) {
	switch {
	case topic == reference.Topic && p.references.Concerns(unit, seen):
		p.waker.wake(unit)
	case topic == cluster.TopicHealth && p.memory.Attempt(unit).Awaiting != nil:
		p.waker.judge(unit)
	}
}

// makeReferences makes the store of ConfigMaps and Secrets that units refer to.
func (p *parts) makeReferences(context.Context) error {
	options := reference.Options{Watcher: p.pool.Names(), Read: readReference(p.env.GetClient())}
	if !p.cfg.Enabled("DisableConfigWatchers") {
		selector, err := labels.Parse(p.cfg.Watch.ConfigsLabelSelector)
		if err != nil {
			return fmt.Errorf("reading --watch-configs-label-selector: %w", err)
		}
		options.Wakes = selector
	}
	p.references = reference.New(options)
	return nil
}

// makeSnapshots makes the store of what was pruned.
func (p *parts) makeSnapshots(context.Context) (err error) {
	p.snapshots, err = snapshot.New(snapshot.Options{
		Client: p.direct, Clock: p.env.Clock, Keep: snapshot.DefaultKeep, Secrets: p.cfg.SnapshotSecrets,
		Namespace: watched(p.cfg), Log: p.env.Log.WithName("snapshots"),
	})
	if err != nil {
		return err
	}
	return p.env.Add(p.snapshots)
}

// makeBuilder makes what turns artifacts into objects.
func (p *parts) makeBuilder(context.Context) error {
	local, err := p.pool.Local()
	if err != nil {
		return err
	}
	secrets, err := decrypt.New(decrypt.Options{Clock: p.env.Clock})
	if err != nil {
		return err
	}
	p.builder = &build.Builder{
		Artifacts: p.artifacts, Kustomize: kustomize.NewBuilder(kustomize.Options{}), Contents: p.references.Data,
		Decryption: &build.Decryption{
			Service: secrets, Installation: p.installation(), Account: p.cfg.DefaultDecryptionServiceAccount,
			Identities: identity.Options{
				Client: p.direct, HTTP: secrets.Client(), Cache: p.tokens,
				Controller: types.NamespacedName{Namespace: p.cfg.Options.Namespace(), Name: p.cfg.Name},
			},
		},
		Owner: local.Live.Owner(), Key: p.key, Strict: p.cfg.Enabled("StrictPostBuildSubstitutions"),
		Distrust: p.memory.Distrust,
	}
	if p.cfg.NoRemoteBases {
		return nil
	}
	bases, err := remotebase.New(remotebase.Options{})
	if err != nil {
		return err
	}
	p.builder.Remote = bases.Fetch
	return p.env.Add(manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		return bases.Close()
	}))
}

// installation is what the flags give to all units.
func (p *parts) installation() request.Installation {
	return request.Installation{
		Namespace: p.cfg.Options.Namespace(), AgeSecret: p.cfg.SOPSAgeSecret, VaultConfigMap: p.cfg.SOPSVaultConfigMap,
	}
}

// makePlacer makes what finds the cluster of a unit.
func (p *parts) makePlacer(context.Context) error {
	allowed := kubeconfig.Options{AllowExec: p.cfg.InsecureKubeConfigExec, AllowInsecureTLS: p.cfg.InsecureKubeConfigTLS}
	cloud, err := remote.New(remote.Options{
		Client: p.direct, WorkloadIdentity: p.cfg.Enabled("ObjectLevelWorkloadIdentity"),
		DefaultServiceAccount: p.cfg.DefaultKubeConfigServiceAccount,
		Tokens:                p.tokens, MaxTokenAge: p.cfg.TokenCacheMaxDuration, Clock: p.env.Clock, Connect: allowed,
	})
	if err != nil {
		return err
	}
	p.placer = &placer{
		pool: p.pool, references: p.references, account: p.cfg.DefaultServiceAccount, allowed: allowed, cloud: cloud,
	}
	return nil
}

func (p *parts) makePhases(context.Context) error {
	find := &lookup{cache: p.env.GetClient(), source: p.env.GetClient()}
	if p.cfg.Watch.LabelSelector != "" {
		find.beyond = p.env.GetAPIReader()
	}
	if p.cfg.Enabled("DirectSourceFetch") {
		find.source = p.env.GetAPIReader()
	}
	budget, err := plan.ParseBudget(p.cfg.DeletionBudget...)
	if err != nil {
		return fmt.Errorf("reading --deletion-budget: %w", err)
	}
	from := &inputs.Inputs{
		Artifacts: p.artifacts, References: p.references, Installation: p.installation(), Memory: p.memory, Build: buildID(p.cfg),
	}
	p.phases = &phase.Phases{
		Source: find.sourceOf, Siblings: find.siblings,
		Place: p.placer.place, Leave: p.leave, Wake: p.waker.wake, Answer: p.waker.answer,
		Rights:      (&rights{cache: p.env.GetCache(), log: p.env.Log}).count,
		Expressions: request.NewExpressions(),
		Inputs:      from,
		Dependencies: &dependency.Checker{
			Unit: find.unit, Inputs: from, Additive: p.cfg.Enabled("AdditiveCELDependencyCheck"),
		},
		Builder: p.builder, References: p.references, Snapshots: p.snapshots, Budget: budget, Memory: p.memory, Key: p.key,
		Downloads: p.cfg.HTTPRetry,
		Allow:     p.allow(), Switches: p.switches(),
		Disagreed: metrics.NewAuditDisagreements(p.env.Registry).Inc,
		Drifting:  metrics.NewDrifted(p.env.Registry),
		Clock:     p.env.Clock,
	}
	return nil
}

// leave drops what is known of a unit beside what the phases remember.
func (p *parts) leave(unit types.NamespacedName) {
	p.pool.Forget(unit)
	p.placer.cloud.Forget(unit)
}

func (p *parts) allow() phase.Allow {
	return phase.Allow{
		CrossNamespace:   !p.cfg.ACL.NoCrossNamespaceRefs,
		ExternalArtifact: p.cfg.Enabled("ExternalArtifact"),
		WorkloadIdentity: p.cfg.Enabled("ObjectLevelWorkloadIdentity"),
	}
}

func (p *parts) switches() phase.Switches {
	on := p.cfg.Enabled
	return phase.Switches{
		NoSkips: !on(config.GateSkips), NoLedger: !on(config.GateLedger), NoWatch: !on(config.GateWatch),
		NoFailFast: on("DisableFailFastBehavior"), NoCancel: !on("CancelHealthCheckOnNewRevision"),
		GroupLog: on("GroupChangeLog"),
	}
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

// buildID names the binary and the flags that shape what it builds and applies:
// another one may make other objects of the same inputs.
func buildID(cfg *config.Config) string {
	id := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		id = info.String()
	}
	return strings.Join([]string{
		id, fmt.Sprint(cfg.Enabled("StrictPostBuildSubstitutions")), fmt.Sprint(cfg.NoRemoteBases),
		cfg.DefaultServiceAccount, cfg.DefaultDecryptionServiceAccount, cfg.DefaultKubeConfigServiceAccount,
	}, "\n")
}

// watched is the only namespace that is looked at; empty for all.
func watched(cfg *config.Config) string {
	if cfg.Watch.AllNamespaces {
		return ""
	}
	return cfg.Namespace()
}
