package cluster

import (
	"context"
	"errors"
	"net/http"
	"sync"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/named"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// TopicHealth is under which objects whose health is awaited are followed by
// name.
const TopicHealth = "health"

// ErrNoConfiguration says that the object which holds the configuration of a
// cluster does not exist.
var ErrNoConfiguration = errors.New("the configuration of the cluster does not exist")

// errReleased says that a cluster was released while a unit was on its way to it.
var errReleased = errors.New("the cluster was released")

// Options are what a Pool needs.
type Options struct {
	// Config and Mapper are those of the cluster the controller runs in.
	Config *rest.Config
	Mapper apimeta.RESTMapper
	// MapperFor makes the mapper of another cluster.
	MapperFor func(*rest.Config) (apimeta.RESTMapper, error)
	// Fence is put in front of the transports to other clusters.
	Fence func(http.RoundTripper) http.RoundTripper
	// Live and Apply are the options of every live table and applier; what belongs
	// to a cluster or an identity is filled in.
	Live  live.Options
	Apply apply.Options
	// Named is called when an object that is followed by name changes.
	Named func(unit types.NamespacedName, topic string, ref named.Ref, seen named.Seen)
	// NoWidening is that of the watches of single objects.
	NoWidening bool
	// Clock is the time.
	Clock clock.WithTicker
}

// Remote is a cluster other than the controller's.
type Remote struct {
	// Key names where its configuration stands; Version names the state that is in.
	Key, Version string
	// Open reads the configuration, which is done once for each version.
	Open func(context.Context) (*kubeconfig.Endpoint, error)
}

// Pool holds the clusters.
type Pool struct {
	opts  Options
	local *site

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // the life of the process, which the watches of all clusters share
	remotes map[string]*remote
	placed  map[types.NamespacedName]*site
}

type remote struct {
	version string
	site    *site
}

// New returns a pool with the controller's own cluster. It watches when started.
func New(opts Options) (*Pool, error) {
	p := &Pool{opts: opts, remotes: map[string]*remote{}, placed: map[types.NamespacedName]*site{}}
	var err error
	p.local, err = p.newSite(opts.Config, opts.Mapper)
	return p, err
}

// Start runs the watches until ctx ends.
func (p *Pool) Start(ctx context.Context) error {
	p.mu.Lock()
	p.ctx = ctx
	for _, r := range p.remotes { // opened by units that were faster
		p.watch(r.site)
	}
	p.mu.Unlock()
	failed := make(chan error, 3)
	p.local.start(ctx, func(err error) { failed <- err })
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// Local returns the controller's own cluster under its own identity.
func (p *Pool) Local() (*Handle, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.local.handle(tenancy.Controller())
}

// Place returns the cluster that a unit is applied to: the controller's own, or
// another if remote is given. The unit is forgotten where it was applied to
// before.
func (p *Pool) Place(ctx context.Context, unit types.NamespacedName, id tenancy.Identity, to *Remote) (*Handle, error) {
	for {
		s, err := p.find(ctx, to)
		if err != nil {
			return nil, err
		}
		if h, err := p.enroll(unit, id, s); !errors.Is(err, errReleased) {
			return h, err
		}
	}
}

// enroll notes that a unit is applied to a cluster.
func (p *Pool) enroll(unit types.NamespacedName, id tenancy.Identity, s *site) (*Handle, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.gone { // its last unit left a moment ago
		return nil, errReleased
	}
	if before := p.placed[unit]; before != s {
		p.leave(unit)
		p.placed[unit] = s
		s.units[unit] = true
	}
	return s.handle(id)
}

// Forget drops a unit that is gone.
func (p *Pool) Forget(unit types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(unit)
}

// leave forgets a unit in the cluster it is applied to, and lets go of a remote
// cluster that has none left.
func (p *Pool) leave(unit types.NamespacedName) {
	s := p.placed[unit]
	if s == nil {
		return
	}
	delete(p.placed, unit)
	delete(s.units, unit)
	s.table.Forget(unit)
	s.names.Follow(unit, TopicHealth, nil)
	if s == p.local || len(s.units) > 0 {
		return
	}
	for key, r := range p.remotes {
		if r.site == s {
			delete(p.remotes, key)
		}
	}
	s.gone = true
	if s.stop != nil {
		s.stop()
	}
	s.target.Close()
}

// find returns a cluster, opening it if its configuration is new.
func (p *Pool) find(ctx context.Context, to *Remote) (*site, error) {
	if to == nil {
		return p.local, nil
	}
	if s := p.known(to); s != nil {
		return s, nil
	}
	target, err := to.Open(ctx)
	if err != nil {
		return nil, err
	}
	config := target.Config()
	if p.opts.Fence != nil {
		config.Wrap(p.opts.Fence)
	}
	mapper, err := p.opts.MapperFor(config)
	if err != nil {
		return nil, err
	}
	s, err := p.newSite(config, mapper)
	if err != nil {
		return nil, err
	}
	s.target = target
	return p.enter(to, s), nil
}

func (p *Pool) known(to *Remote) *site {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.remotes[to.Key]; ok && r.version == to.Version && r.site.target.Current() {
		return r.site
	}
	return nil
}

// enter adds a cluster that was opened, unless somebody was faster. Units move
// over from an older version one by one, as they are reconciled.
func (p *Pool) enter(to *Remote, s *site) *site {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.remotes[to.Key]; ok && r.version == to.Version && r.site.target.Current() {
		s.target.Close()
		return r.site
	}
	p.remotes[to.Key] = &remote{version: to.Version, site: s}
	if p.ctx != nil {
		p.watch(s)
	}
	return s
}

// watch starts the watches of a remote cluster.
func (p *Pool) watch(s *site) {
	s.start(p.ctx, func(err error) { p.opts.Live.Log.Error(err, "watching a remote cluster") })
}

// Names watches single objects of the controller's own cluster.
func (p *Pool) Names() *named.Watcher { return p.local.names }

// Sizes counts what the live tables of all clusters hold.
func (p *Pool) Sizes() live.Sizes {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.local.table.Metrics()
	counted := map[*site]bool{p.local: true}
	for _, s := range p.placed { // also those of an older version that still have units
		if counted[s] {
			continue
		}
		counted[s] = true
		more := s.table.Metrics()
		sum.Watches, sum.Objects, sum.Dropped = sum.Watches+more.Watches, sum.Objects+more.Objects, sum.Dropped+more.Dropped
	}
	return sum
}
