// Package config turns the command line of notification-controller into a
// validated configuration.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/capstan-gitops/capstan/pkg/app"
)

// Names of the feature gates that change what this controller does.
const (
	// GateObjectLevelWorkloadIdentity lets Providers name a service account.
	GateObjectLevelWorkloadIdentity = "ObjectLevelWorkloadIdentity"
)

// Config is the configuration of the binary. Of the shared flags, --events-addr
// is the address the controller itself accepts events at.
type Config struct {
	app.Options

	// ReceiverAddr is accepted for the manifests that set it; this version does not
	// listen there.
	ReceiverAddr string
	// RateLimitInterval is how long an event that says the same again is a
	// duplicate.
	RateLimitInterval time.Duration
	// HTTPPathMetrics gives every request path metrics of its own.
	HTTPPathMetrics bool
	// OutboxPath is the folder in which deliveries wait.
	OutboxPath string
	// OutboxMaxSize bounds what waits there, in bytes.
	OutboxMaxSize int64

	pending app.Pending
}

// Parse reads the command line.
func Parse(args []string) (*Config, error) {
	cfg := &Config{Options: app.Options{
		Name: "notification-controller",
		Gates: map[string]bool{
			"CacheSecretsAndConfigMaps": false, "DisableConfigWatchers": false, GateObjectLevelWorkloadIdentity: false,
		},
	}}
	fs := pflag.NewFlagSet(cfg.Name, pflag.ContinueOnError)
	cfg.Bind(fs, app.Defaults{Concurrent: 4, EventsAddr: ":9090"})
	fs.StringVar(&cfg.ReceiverAddr, "receiverAddr", ":9292", "The address of the webhook receiver; this version does not listen there.")
	fs.DurationVar(&cfg.RateLimitInterval, "rate-limit-interval", 5*time.Minute, "How long an event that says the same again is turned away.")
	fs.BoolVar(&cfg.HTTPPathMetrics, "export-http-path-metrics", false, "Give every request path metrics of its own.")
	fs.StringVar(&cfg.OutboxPath, "outbox-path", filepath.Join(os.TempDir(), "notification-outbox"),
		"The folder in which notifications wait until they are delivered; on a persistent volume they outlive the pod.")
	fs.Int64Var(&cfg.OutboxMaxSize, "outbox-max-size", 256<<20, "The most bytes that wait in the outbox; beyond it the oldest notifications are dropped.")
	cfg.pending.String(fs, "default-service-account", "", "The ServiceAccount used for workload identity when an object names none.")
	cfg.pending.String(fs, "token-cache-max-size", "100", "The most entries of the token cache.")
	cfg.pending.Duration(fs, "token-cache-max-duration", time.Hour, "How long a token is cached at most.")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return cfg, cfg.validate()
}

func (c *Config) validate() error {
	if err := c.pending.Validate(); err != nil {
		return err
	}
	switch {
	case c.EventsAddr == "":
		return fmt.Errorf("reading --events-addr: it is empty; name the address to accept events at, for example :9090")
	case c.RateLimitInterval < 0:
		return fmt.Errorf("reading --rate-limit-interval: %s is negative", c.RateLimitInterval)
	case c.OutboxPath == "":
		return fmt.Errorf("reading --outbox-path: it is empty; name a folder")
	case c.OutboxMaxSize < 1<<20:
		return fmt.Errorf("reading --outbox-max-size: %d bytes cannot hold one notification; use %d or more", c.OutboxMaxSize, 1<<20)
	}
	return nil
}
