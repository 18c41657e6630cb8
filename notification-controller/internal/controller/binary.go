// Package controller wires notification-controller: the three kinds, and the path
// of an event from the intake through routing and the outbox to a provider.
package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	"github.com/capstan-gitops/capstan/notification-controller/internal/config"
	"github.com/capstan-gitops/capstan/notification-controller/internal/intake"
	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/services"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/egress"
)

// jitterFactor spreads the pauses between attempts by a tenth.
const jitterFactor = 0.1

// Binary describes notification-controller.
func Binary(cfg *config.Config) app.Binary {
	return app.Binary{
		Options: &cfg.Options,
		AddToScheme: []func(*runtime.Scheme) error{
			clientgoscheme.AddToScheme, notificationv1.AddToScheme, notificationv1beta3.AddToScheme,
		},
		Setup: func(ctx context.Context, env *app.Env) error { return setup(ctx, env, cfg) },
	}
}

func setup(ctx context.Context, env *app.Env, cfg *config.Config) error {
	reporter := &reporter{recorder: env.Recorder, log: env.Log.WithName("notifications")}
	services := services.New(egress.Guard{}, env.Clock)
	migration := newMigration(env)
	proxies, err := migration.readProxies(ctx)
	if err != nil {
		return err
	}
	sender := &sender{client: env.GetClient(), services: services, reporter: reporter, proxies: proxies}
	box, err := outbox.Open(outbox.Options{
		Dir: cfg.OutboxPath, MaxBytes: cfg.OutboxMaxSize, Clock: env.Clock, Log: env.Log.WithName("outbox"),
		Jitter: jitter, Send: sender.send, Trouble: sender.trouble, Dead: sender.dead,
	})
	if err != nil {
		return err
	}
	if err := ctrlmetrics.Registry.Register(&collector{stats: box.Stats}); err != nil {
		return fmt.Errorf("registering metrics of the outbox: %w", err)
	}
	gatherer := &gatherer{cached: env.GetClient(), live: env.GetAPIReader(), services: services, policy: policy(cfg)}
	acceptor := &acceptor{gather: gatherer.gather, box: box, reporter: reporter}
	server, err := listen(ctx, env, cfg, acceptor)
	if err != nil {
		return err
	}
	if err := env.Add(&pipeline{box: box, server: server}); err != nil {
		return fmt.Errorf("adding the event server: %w", err)
	}
	if err := env.Add(migration); err != nil {
		return fmt.Errorf("adding the migration: %w", err)
	}
	for kind, add := range map[string]func() error{
		"Provider": func() error { return setupProvider(env, services, box) },
		"Alert":    func() error { return setupAlert(env) },
		"Receiver": func() error { return setupReceiver(env) },
	} {
		if err := add(); err != nil {
			return fmt.Errorf("setting up %s: %w", kind, err)
		}
	}
	return nil
}

// listen binds the address at which events arrive.
func listen(ctx context.Context, env *app.Env, cfg *config.Config, acceptor *acceptor) (*intake.Server, error) {
	count, err := intake.NewMetrics(ctrlmetrics.Registry, cfg.HTTPPathMetrics)
	if err != nil {
		return nil, fmt.Errorf("registering metrics of the intake: %w", err)
	}
	return intake.Listen(ctx, cfg.EventsAddr, intake.NewHandler(intake.Options{
		Interval: cfg.RateLimitInterval, Accept: acceptor.accept, Clock: env.Clock, Count: count,
		Log: env.Log.WithName("event-server"),
	}))
}

func policy(cfg *config.Config) route.Policy {
	return route.Policy{
		NoCrossNamespace: cfg.ACL.NoCrossNamespaceRefs,
		WorkloadIdentity: cfg.Enabled(config.GateObjectLevelWorkloadIdentity),
	}
}
