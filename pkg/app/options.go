package app

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/pkg/runtime/acl"
	"github.com/fluxcd/pkg/runtime/client"
	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/features"
	"github.com/fluxcd/pkg/runtime/jitter"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/labels"
)

// Options are the flags that the wire contract gives to every controller. A
// controller's configuration embeds them and binds its own beside them.
type Options struct {
	// Name of the controller, as in "source-controller".
	Name string
	// Gates are the feature gates of the controller with their defaults.
	Gates map[string]bool

	MetricsAddr string
	HealthAddr  string
	// EventsAddr is where events are posted to; empty posts none.
	EventsAddr string
	Concurrent int
	// RequeueDependency is how long an object waits for a dependency when nothing
	// wakes it.
	RequeueDependency time.Duration

	Client         client.Options
	Log            logger.Options
	LeaderElection leaderelection.Options
	Watch          controller.WatchOptions
	RateLimiter    controller.RateLimiterOptions
	Jitter         jitter.IntervalOptions
	ACL            acl.Options
	features       features.FeatureGates
	flags          *pflag.FlagSet
}

// Defaults are the few values in which controllers differ.
type Defaults struct {
	// EventsAddr is the default of --events-addr.
	EventsAddr string
	// Concurrent is the default of --concurrent.
	Concurrent int
	// MetricsAddr is the default of --metrics-addr; empty means ":8080".
	MetricsAddr string
	// NoACL says that the controller has no --no-cross-namespace-refs.
	NoACL bool
}

// Bind adds the shared flags to the set.
func (o *Options) Bind(fs *pflag.FlagSet, d Defaults) {
	o.flags = fs
	if d.MetricsAddr == "" {
		d.MetricsAddr = ":8080"
	}
	fs.StringVar(&o.MetricsAddr, "metrics-addr", d.MetricsAddr, "The address the metrics endpoint binds to.")
	fs.StringVar(&o.HealthAddr, "health-addr", ":9440", "The address the health endpoint binds to.")
	fs.StringVar(&o.EventsAddr, "events-addr", d.EventsAddr, "The address of the event receiver.")
	fs.IntVar(&o.Concurrent, "concurrent", d.Concurrent, "The number of concurrent reconciles.")
	fs.DurationVar(&o.RequeueDependency, "requeue-dependency", 30*time.Second,
		"How long an object waits for a dependency when nothing wakes it.")
	o.Client.BindFlags(fs)
	o.Log.BindFlags(fs)
	o.LeaderElection.BindFlags(fs)
	o.Watch.BindFlags(fs)
	o.RateLimiter.BindFlags(fs)
	o.Jitter.BindFlags(fs)
	o.features.BindFlags(fs)
	if !d.NoACL {
		o.ACL.BindFlags(fs)
	}
}

// Validate reports what is wrong with the values of the shared flags.
func (o *Options) Validate() error {
	if err := o.features.SupportedFeatures(o.Gates); err != nil {
		return fmt.Errorf("reading --feature-gates: %w", err)
	}
	if o.Concurrent < 1 {
		return fmt.Errorf("reading --concurrent: %d is not a number of workers; use 1 or more", o.Concurrent)
	}
	if o.Jitter.Percentage >= 100 {
		return errors.New("reading --interval-jitter-percentage: the interval jitter percentage must be a non-negative value and less than 100")
	}
	if _, err := o.Selector(); err != nil {
		return err
	}
	if !o.Watch.AllNamespaces && o.Namespace() == "" {
		return fmt.Errorf("reading --watch-all-namespaces: it is off, but RUNTIME_NAMESPACE does not say which namespace to watch")
	}
	return nil
}

// Enabled reports whether a feature gate is on; an unknown gate is off.
func (o *Options) Enabled(gate string) bool { return o.Gates[gate] }

// Selector returns the labels by which objects of the controller's own kinds are
// picked.
func (o *Options) Selector() (labels.Selector, error) {
	selector, err := controller.GetWatchSelector(o.Watch)
	if err != nil {
		return nil, fmt.Errorf("reading --watch-label-selector: %w", err)
	}
	return selector, nil
}

// Namespace is where the controller itself runs, or empty when it does not know.
func (o *Options) Namespace() string { return os.Getenv("RUNTIME_NAMESPACE") }

// rate returns the client-side rate limit: none unless the user set one of its
// flags, because the API server has flow control of its own.
func (o *Options) rate() (qps float32, burst int) {
	if o.flags != nil && (o.flags.Changed("kube-api-qps") || o.flags.Changed("kube-api-burst")) {
		return o.Client.QPS, o.Client.Burst
	}
	return -1, 0
}
