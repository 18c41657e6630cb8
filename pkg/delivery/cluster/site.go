package cluster

import (
	"context"
	"fmt"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/definitions"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// maxIdentities bounds the identities of a cluster that are kept ready.
const maxIdentities = 256

// site is one cluster.
type site struct {
	// target is how a remote cluster is reached; nil for the controller's own.
	target *kubeconfig.Endpoint
	config *rest.Config
	mapper apimeta.RESTMapper
	// dynamic reaches the cluster as the controller does.
	dynamic dynamic.Interface
	table   *live.Table
	names   *named.Watcher
	// definitions watches what kinds there are.
	definitions *definitions.Watcher
	// limiter bounds the requests in flight of all identities together.
	limiter *inflight.Limiter
	applier apply.Options
	handles map[tenancy.Identity]*Handle
	// units are those that are applied to the cluster.
	units map[types.NamespacedName]bool
	stop  context.CancelFunc // nil until it was started
	gone  bool               // its last unit has left
}

// newSite makes what all identities of a cluster share; nothing runs yet.
func (p *Pool) newSite(config *rest.Config, mapper apimeta.RESTMapper) (*site, error) {
	own, err := tenancy.Config(config, tenancy.Controller())
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	meta, err := metadata.NewForConfigAndClient(metadata.ConfigFor(own), client) //nolint:forbidigo // the configuration comes from tenancy
	if err != nil {
		return nil, fmt.Errorf("making the metadata client: %w", err)
	}
	dyn, err := dynamic.NewForConfigAndClient(own, client) //nolint:forbidigo // the configuration comes from tenancy
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	s := &site{
		config: own, dynamic: dyn, mapper: mapper, applier: p.opts.Apply,
		limiter: inflight.New(inflight.Default, p.opts.Clock),
		handles: map[tenancy.Identity]*Handle{}, units: map[types.NamespacedName]bool{},
	}
	watching := p.opts.Live
	watching.Metadata, watching.Mapper = meta, mapper
	if s.table, err = live.New(watching); err != nil {
		return nil, err
	}
	s.names, err = named.New(named.Options{
		Metadata: meta, Mapper: mapper, Clock: p.opts.Clock, Wake: p.opts.Named, Log: watching.Log,
		NoWidening: p.opts.NoWidening,
	})
	if err != nil {
		return nil, err
	}
	s.definitions, err = definitions.New(definitions.Options{
		Metadata: meta, Mapper: mapper, Clock: p.opts.Clock, Changed: s.redefined, Came: s.defined,
		Log: watching.Log,
	})
	return s, err
}

// defined takes note that kinds are served that were not.
func (s *site) defined(kinds []schema.GroupKind) {
	s.table.KindsCame(kinds...)
	s.names.KindsChanged(kinds...)
}

// redefined takes note that the definitions of kinds changed: what was applied under
// the old ones is no longer known to be there.
func (s *site) redefined(kinds []schema.GroupKind) {
	s.table.SchemaChanged(kinds...)
	s.names.KindsChanged(kinds...)
}

// start runs the watches of the cluster until stop is called or ctx ends.
func (s *site) start(ctx context.Context, fail func(error)) {
	ctx, s.stop = context.WithCancel(ctx)
	for _, run := range []func(context.Context) error{s.table.Start, s.names.Start, s.definitions.Start} {
		go func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				fail(err)
			}
		}()
	}
}

// handle returns the cluster under an identity.
func (s *site) handle(id tenancy.Identity) (*Handle, error) {
	if h, ok := s.handles[id]; ok {
		return h, nil
	}
	if len(s.handles) >= maxIdentities {
		clear(s.handles) // they cost little to make and share their connections
	}
	h, err := newHandle(s, id)
	if err != nil {
		return nil, err
	}
	s.handles[id] = h
	return h, nil
}
