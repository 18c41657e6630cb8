package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/fluxcd/pkg/runtime/pprof"
	"github.com/fluxcd/pkg/runtime/probes"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	ctrlcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/metrics"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// gcPercent makes garbage be collected sooner than Go does by itself: what a
// controller keeps is small, what a pass throws away is not.
const gcPercent = 50

// Binary is what a main supplies.
type Binary struct {
	// Options are the shared flags, parsed.
	Options *Options
	// AddToScheme add every kind the controllers read or write.
	AddToScheme []func(*runtime.Scheme) error
	// Own are the kinds that --watch-label-selector filters.
	Own []client.Object
	// Shutdown is how long running passes may go on after the signal to stop; zero
	// means ten seconds.
	Shutdown time.Duration
	// Registry takes the metrics; that of the process if nil. Several binaries in one
	// process need one each.
	Registry prometheus.Registerer
	// Clock is the time; that of the machine if nil.
	Clock clock.WithTicker
	// Setup adds the controllers to the manager.
	Setup func(ctx context.Context, env *Env) error

	fence *fence
}

// Env is what a controller needs of its surroundings.
type Env struct {
	manager.Manager
	Options  *Options
	Clock    clock.WithTicker
	Log      logr.Logger
	Recorder *events.Recorder
	Metrics  *metrics.Reconcile
	// Registry is where metrics are registered.
	Registry prometheus.Registerer
	// Fence is put in front of transports to other clusters than the one the lease is
	// in: a replica that may not be the leader any more writes nowhere.
	Fence func(http.RoundTripper) http.RoundTripper
	// shared says that there is another binary in the process.
	shared bool
	// endEvents ends the recording of Kubernetes Events, once nothing runs any more.
	endEvents func()
}

// Run starts the binary against the cluster that KUBECONFIG or the pod names, and
// returns when the context ends or something that has to run stops.
func Run(ctx context.Context, b Binary) error {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	return start(ctx, cfg, b, logger.SetLogger)
}

// RunOn starts the binary against the given cluster. It leaves the loggers of the
// process alone: whoever runs it has other things in the process that log.
func RunOn(ctx context.Context, cfg *rest.Config, b Binary) error {
	return start(ctx, cfg, b, func(logr.Logger) {})
}

// start runs the binary, and gives its logger to the libraries that have one for
// the whole process.
func start(ctx context.Context, cfg *rest.Config, b Binary, setLogger func(logr.Logger)) error {
	if err := b.Options.Validate(); err != nil {
		return err
	}
	if b.Clock == nil {
		b.Clock = clock.RealClock{}
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	log := newLogger(b.Options.Log)
	setLogger(log)
	cfg.QPS, cfg.Burst = b.Options.rate()
	cfg.UserAgent = b.Options.Name
	cfg.DisableCompression = true // within a cluster sending is cheaper than compressing
	cfg.WarningHandlerWithContext = ctrllog.NewKubeAPIWarningLogger(ctrllog.KubeAPIWarningLoggerOptions{Deduplicate: true})
	scheme := runtime.NewScheme()
	for _, add := range b.AddToScheme {
		if err := add(scheme); err != nil {
			return fmt.Errorf("registering kinds: %w", err)
		}
	}
	if err := awaitServer(ctx, cfg, b.Options.HealthAddr, b.Clock, log); err != nil || ctx.Err() != nil {
		return err
	}
	b.fence = &fence{}
	mgr, err := newManager(cfg, scheme, b, log)
	if err != nil {
		return err
	}
	probes.SetupChecks(mgr, log)
	env, err := newEnv(mgr, b, log)
	if err != nil {
		return err
	}
	defer env.endEvents()
	if err := b.Setup(ctx, env); err != nil {
		return fmt.Errorf("setting up controllers: %w", err)
	}
	log.Info("starting", "controller", b.Options.Name)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running controllers: %w", err)
	}
	return nil
}

func newManager(cfg *rest.Config, scheme *runtime.Scheme, b Binary, log logr.Logger) (manager.Manager, error) {
	o := b.Options
	cacheOptions, err := cacheOptions(b)
	if err != nil {
		return nil, err
	}
	shutdown := b.Shutdown
	if shutdown == 0 {
		shutdown = 10 * time.Second
	}
	var electionID []string
	if o.Watch.LabelSelector != "" {
		electionID = append(electionID, o.Watch.LabelSelector)
	}
	lease := leaderelection.GenerateID(o.Name+"-leader-election", electionID...)
	if o.LeaderElection.Enable {
		b.fence.lease, b.fence.within, b.fence.clock = lease, o.LeaderElection.RenewDeadline, b.Clock
		cfg.Wrap(b.fence.wrap)
	}
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: scheme, Logger: log, Cache: cacheOptions,
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: uncached(o)}},
		Metrics: metricsserver.Options{
			BindAddress: o.MetricsAddr, ExtraHandlers: pprof.GetHandlers(),
		},
		HealthProbeBindAddress:        o.HealthAddr,
		GracefulShutdownTimeout:       &shutdown,
		LeaderElection:                o.LeaderElection.Enable,
		LeaderElectionReleaseOnCancel: o.LeaderElection.ReleaseOnCancel,
		LeaseDuration:                 &o.LeaderElection.LeaseDuration,
		RenewDeadline:                 &o.LeaderElection.RenewDeadline,
		RetryPeriod:                   &o.LeaderElection.RetryPeriod,
		LeaderElectionID:              lease,
		LeaderElectionNamespace:       o.Namespace(),
		Controller: ctrlconfig.Controller{
			MaxConcurrentReconciles: o.Concurrent,
			RecoverPanic:            ptrTo(true),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("creating the controller manager: %w", err)
	}
	return mgr, nil
}

// uncached lists the kinds that are read from the API server each time, because
// caching them would watch every one of the cluster.
func uncached(o *Options) []client.Object {
	if o.Enabled("CacheSecretsAndConfigMaps") {
		return nil
	}
	return []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}
}

func cacheOptions(b Binary) (cache.Options, error) {
	selector, err := b.Options.Selector()
	if err != nil {
		return cache.Options{}, err
	}
	out := cache.Options{ByObject: map[client.Object]cache.ByObject{}, DefaultTransform: cache.TransformStripManagedFields()}
	for _, obj := range b.Own {
		out.ByObject[obj] = cache.ByObject{Label: selector}
	}
	if !b.Options.Watch.AllNamespaces {
		out.DefaultNamespaces = map[string]cache.Config{b.Options.Namespace(): {}}
	}
	return out, nil
}

func newEnv(mgr manager.Manager, b Binary, log logr.Logger) (*Env, error) {
	o := b.Options
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("finding the host name: %w", err)
	}
	client, err := corev1client.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("creating the client of events: %w", err)
	}
	recorder, endEvents := events.Broadcast(client.Events(""), o.Name, log.WithName("events"))
	env := &Env{
		Manager: mgr, Options: o, Clock: b.Clock, Log: log, Registry: b.Registry, shared: b.Registry != nil,
		Fence: b.fence.wrap, endEvents: endEvents,
		Recorder: &events.Recorder{Kubernetes: recorder, Controller: o.Name, Instance: hostname, Now: b.Clock.Now},
	}
	if env.Registry == nil {
		env.Registry = ctrlmetrics.Registry
	}
	env.Metrics = metrics.NewReconcile(env.Registry)
	return env, nil
}

// PostEvents makes the recorder post to --events-addr. A controller that is
// itself the receiver of events does not call it.
func (e *Env) PostEvents(transport http.RoundTripper) error {
	if e.Options.EventsAddr == "" {
		return nil
	}
	dropped := metrics.NewEventsDropped(e.Registry)
	spool := events.NewSpool(e.Options.EventsAddr, &http.Client{Transport: transport}, e.Clock, e.Log.WithName("events"), dropped.Inc)
	if err := e.Add(spool); err != nil {
		return fmt.Errorf("adding the event spool: %w", err)
	}
	e.Recorder.Spool = spool
	return nil
}

// Retries paces the retries of one controller within --min-retry-delay and
// --max-retry-delay.
func (e *Env) Retries() *reconciler.Retries {
	return reconciler.NewRetries(e.Options.RateLimiter.MinRetryDelay, e.Options.RateLimiter.MaxRetryDelay, rand.Float64)
}

// Controller returns the options of a controller. The number of its workers is that of
// the manager, --concurrent.
func (e *Env) Controller(retries *reconciler.Retries) ctrlcontroller.TypedOptions[reconcile.Request] {
	return ctrlcontroller.TypedOptions[reconcile.Request]{RateLimiter: retries, SkipNameValidation: &e.shared}
}

// Interval spreads an interval by --interval-jitter-percentage.
func (e *Env) Interval(d time.Duration) time.Duration {
	return spread(d, e.Options.Jitter.Percentage, rand.Float64())
}

// spread returns a duration that is off by at most percent; at says where in the
// range, from 0 to 1. The library's own jitter has a source of random numbers that
// workers must not share.
func spread(d time.Duration, percent uint8, at float64) time.Duration {
	return d + time.Duration(float64(d)*float64(percent)/100*(2*at-1))
}

func ptrTo[T any](v T) *T { return &v }
