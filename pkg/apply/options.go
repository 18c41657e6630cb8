package apply

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
	"github.com/capstan-gitops/capstan/pkg/live"

	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// waitBound is how long a stage may take until what later stages need is there.
const waitBound = 60 * time.Second

// Options are what an Applier needs.
type Options struct {
	// Config reaches the cluster under the identity that objects are applied with.
	Config *rest.Config
	// HTTP is used instead of a client made from Config, so that connections are
	// shared; it may be nil.
	HTTP *http.Client
	// Mapper finds the resource of a kind. One that is a meta.ResettableRESTMapper
	// is reset after a definition was applied.
	Mapper meta.RESTMapper
	// Marker and Takeover are used when there is no table; with a table they are
	// the table's.
	Marker   mark.Marker
	Takeover []mark.Takeover
	// Table is the live table of the cluster; nil when the cluster is not watched.
	Table *live.Table
	// CustomStage lists kinds that are applied before the rest.
	CustomStage []schema.GroupKind
	// Limiter bounds the requests in flight; appliers of one cluster share one.
	Limiter *inflight.Limiter
	// Clock is the time; the real one when nil.
	Clock clock.WithTicker
}

// Applier applies and deletes objects in one cluster under one identity. It is
// safe for concurrent use.
type Applier struct {
	opts   Options
	client rest.Interface
	watch  dynamic.Interface
}

// New returns an Applier.
func New(opts Options) (*Applier, error) {
	if opts.Config == nil || opts.Mapper == nil {
		return nil, errors.New("making applier: cluster configuration and mapper are needed")
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	if opts.Limiter == nil {
		opts.Limiter = inflight.New(inflight.Default, opts.Clock)
	}
	opts.Marker = opts.Marker.WithDefaults()
	if opts.Table != nil {
		opts.Marker, opts.Takeover = opts.Table.Marker(), opts.Table.Takeover()
	}
	if opts.Takeover == nil {
		opts.Takeover = mark.DefaultTakeover(opts.Marker.FieldManager)
	}
	config := rest.CopyConfig(opts.Config)
	config.AcceptContentTypes, config.ContentType = "application/json", "application/json"
	config.GroupVersion = &schema.GroupVersion{}
	config.APIPath = "/"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	if opts.HTTP == nil {
		made, err := rest.HTTPClientFor(config)
		if err != nil {
			return nil, fmt.Errorf("making applier: %w", err)
		}
		opts.HTTP = made
	}
	client, err := rest.RESTClientForConfigAndClient(config, opts.HTTP)
	if err != nil {
		return nil, fmt.Errorf("making applier: %w", err)
	}
	watcher, err := dynamic.NewForConfigAndClient(opts.Config, opts.HTTP) //nolint:forbidigo // the identity is in Options.Config
	if err != nil {
		return nil, fmt.Errorf("making applier: %w", err)
	}
	return &Applier{opts: opts, client: client, watch: watcher}, nil
}
