package controller

import (
	"fmt"
	"path/filepath"

	tokencache "github.com/fluxcd/pkg/cache"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/config"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/cloud"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/placement"
	"github.com/capstan-gitops/capstan/pkg/delivery/queue"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/metrics"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// clusters are the clusters that units are applied to, what units refer to in the
// controller's own, and what wakes units when something happens in them.
type clusters struct {
	// owner is in whose name objects are applied.
	owner      *ownership.Owner
	waker      *queue.Waker
	pool       *cluster.Pool
	references *reference.Store
	cloud      *cloud.Resolver
	placer     *placement.Placer
}

func newClusters(env *app.Env, cfg *config.Config, direct client.Client, tokens *tokencache.TokenCache, units *unitstate.Store) (*clusters, error) {
	owner, err := request.Owner(cfg.OverrideManagers...)
	if err != nil {
		return nil, err
	}
	c := &clusters{waker: queue.NewWaker(), owner: owner}
	if c.pool, err = newPool(env, cfg, c, func(unit types.NamespacedName, topic string, _ named.Ref, seen named.Seen) {
		c.seen(units, unit, topic, seen)
	}); err != nil {
		return nil, err
	}
	if c.references, err = newReferences(env, cfg, c.pool); err != nil {
		return nil, err
	}
	allowed := kubeconfig.Options{AllowExec: cfg.InsecureKubeConfigExec, AllowInsecureTLS: cfg.InsecureKubeConfigTLS}
	c.cloud, err = cloud.New(cloud.Options{
		Kind: kustomizev1.KustomizationKind, Client: direct, WorkloadIdentity: cfg.Enabled("ObjectLevelWorkloadIdentity"),
		DefaultServiceAccount: cfg.DefaultKubeConfigServiceAccount,
		Tokens:                tokens, MaxTokenAge: cfg.TokenCacheMaxDuration, Clock: env.Clock, Connect: allowed,
	})
	if err != nil {
		return nil, err
	}
	c.placer = &placement.Placer{
		Pool: c.pool, References: c.references, ServiceAccount: cfg.DefaultServiceAccount, Allowed: allowed,
		Cloud: c.cloud.FromConfigMap,
	}
	return c, nil
}

// forget drops what is known of a unit.
func (c *clusters) forget(unit types.NamespacedName) {
	c.pool.Forget(unit)
	c.cloud.Forget(unit)
	c.references.Forget(unit)
}

// seen wakes a unit for an object that it follows by name.
func (c *clusters) seen(units *unitstate.Store, unit types.NamespacedName, topic string, seen named.Seen) {
	switch {
	case topic == reference.Topic && c.references.Concerns(unit, seen):
		c.waker.Wake(unit)
	case topic == cluster.TopicHealth && units.Peek(unit).Attempt.Awaiting != nil:
		c.waker.HealthChanged(unit)
	}
}

// newPool makes the clusters.
func newPool(env *app.Env, cfg *config.Config, c *clusters, seen func(types.NamespacedName, string, named.Ref, named.Seen)) (*cluster.Pool, error) {
	staged, err := groupKinds(cfg.StagedKinds)
	if err != nil {
		return nil, err
	}
	wake := func(unit live.Unit, cause live.Cause) { wakeFor(c.waker, unit, cause) }
	if !cfg.Enabled(config.GateWatch) {
		wake = func(live.Unit, live.Cause) {}
	}
	pool, err := cluster.New(cluster.Options{
		Config: env.GetConfig(), Mapper: env.GetRESTMapper(), Clock: env.Clock,
		MapperFor: mapperFor, Fence: env.Fence,
		Live: live.Options{
			Owner: c.owner, Wake: wake, Clock: env.Clock, Log: env.Log.WithName("live"),
			NoListSpacing: !cfg.Enabled(config.GateLists),
		},
		Apply: apply.Options{
			CustomStage: staged, Concurrent: cfg.ConcurrentSSA, MigrateAPIVersion: cfg.Enabled("MigrateAPIVersion"),
			Clock: env.Clock,
		},
		Named: seen, NoWidening: !cfg.Enabled(config.GateWidening),
	})
	if err != nil {
		return nil, err
	}
	metrics.NewLive(env.Registry, func() metrics.Watched {
		sizes := pool.Sizes()
		return metrics.Watched{Watches: sizes.Watches, Objects: sizes.Objects, Dropped: sizes.Dropped}
	})
	return pool, nil
}

// wakeFor wakes a unit for what the live table saw.
func wakeFor(waker *queue.Waker, unit live.Unit, cause live.Cause) {
	switch cause {
	case live.CauseDirty, live.CauseGone:
		waker.Correct(unit)
	case live.CauseHealth:
		waker.HealthChanged(unit)
	default:
		waker.Wake(unit)
	}
}

// mapperFor finds the kinds of another cluster.
func mapperFor(cfg *rest.Config) (apimeta.RESTMapper, error) {
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("making a client for discovery: %w", err)
	}
	return apiutil.NewDynamicRESTMapper(cfg, client)
}

// newReferences makes the store of ConfigMaps and Secrets that units refer to.
func newReferences(env *app.Env, cfg *config.Config, pool *cluster.Pool) (*reference.Store, error) {
	options := reference.Options{Watcher: pool.Names(), Read: reference.ReadFrom(env.GetClient())}
	if !cfg.Enabled("DisableConfigWatchers") {
		selector, err := labels.Parse(cfg.Watch.ConfigsLabelSelector)
		if err != nil {
			return nil, fmt.Errorf("reading --watch-configs-label-selector: %w", err)
		}
		options.Wakes = selector
	}
	return reference.New(options), nil
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
