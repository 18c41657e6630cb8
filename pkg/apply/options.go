package apply

import (
	"errors"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

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
	// Owner is in whose name objects are applied. It may be nil when there is a table,
	// and is then the table's.
	Owner *ownership.Owner
	// Table is the live table of the cluster; nil when the cluster is not watched.
	Table *live.Table
	// CustomStage lists kinds that are applied before the rest.
	CustomStage []schema.GroupKind
	// MigrateAPIVersion rewrites the API version in every entry of an object's
	// managed fields to the one that is applied, where they differ.
	MigrateAPIVersion bool
	// Limiter bounds the requests in flight; appliers of one cluster share one.
	Limiter *inflight.Limiter
	// Concurrent is the most objects of one Run that are worked on at once; with
	// zero the limiter alone decides.
	Concurrent int
	// Clock is the time; the real one when nil.
	Clock clock.WithTicker
}

// Applier applies and deletes objects in one cluster under one identity. It is
// safe for concurrent use.
type Applier struct {
	opts Options
	wire *wire.Client
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
	if opts.Table != nil {
		opts.Owner = opts.Table.Owner()
	}
	if opts.Owner == nil {
		return nil, errors.New("making applier: an owner is needed")
	}
	client, err := wire.New(wire.Options{
		Config: opts.Config, HTTP: opts.HTTP, Mapper: opts.Mapper, Limiter: opts.Limiter, Clock: opts.Clock,
		FieldManager: opts.Owner.Names().Manager,
	})
	if err != nil {
		return nil, fmt.Errorf("making applier: %w", err)
	}
	return &Applier{opts: opts, wire: client}, nil
}
