// Package config turns the command line of source-controller into a validated
// configuration.
package config

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/capstan-gitops/capstan/pkg/app"
)

// Config is the configuration of the binary.
type Config struct {
	app.Options

	// StoragePath is the folder artifacts are kept in.
	StoragePath string
	// StorageAddr is the address the artifact server listens on.
	StorageAddr string
	// StorageAdvAddr is the host, or the URL, that artifact URLs start with.
	StorageAdvAddr string
	// RetentionTTL is how long an artifact that is no longer current is kept.
	RetentionTTL time.Duration
	// RetentionRecords is how many artifacts of an object are kept, the current
	// one included.
	RetentionRecords int
	// DigestAlgo is the algorithm of artifact digests.
	DigestAlgo string
	// ArtifactMaxSize bounds what is fetched for one artifact, in bytes.
	ArtifactMaxSize int64

	pending app.Pending
}

// Parse reads the command line.
func Parse(args []string) (*Config, error) {
	cfg := &Config{Options: app.Options{
		Name:  "source-controller",
		Gates: map[string]bool{"CacheSecretsAndConfigMaps": false, "ObjectLevelWorkloadIdentity": false},
	}}
	fs := pflag.NewFlagSet(cfg.Name, pflag.ContinueOnError)
	cfg.Bind(fs, app.Defaults{
		Concurrent: 2, NoACL: true,
		EventsAddr: os.Getenv("EVENTS_ADDR"), MetricsAddr: os.Getenv("METRICS_ADDR"),
	})
	fs.StringVar(&cfg.StoragePath, "storage-path", envOr("STORAGE_PATH", "/data"), "The folder artifacts are kept in.")
	fs.StringVar(&cfg.StorageAddr, "storage-addr", envOr("STORAGE_ADDRESS", ":9090"), "The address the artifact server listens on.")
	fs.StringVar(&cfg.StorageAdvAddr, "storage-adv-addr", envOr("STORAGE_ADV_ADDR", ""), "The host, or the URL, that artifact URLs start with; derived from --storage-addr when empty.")
	fs.DurationVar(&cfg.RetentionTTL, "artifact-retention-ttl", time.Minute, "How long artifacts are kept that are no longer current.")
	fs.IntVar(&cfg.RetentionRecords, "artifact-retention-records", 2, "How many artifacts of an object are kept.")
	fs.StringVar(&cfg.DigestAlgo, "artifact-digest-algo", "sha256", "The algorithm of artifact digests: sha256, sha384 or sha512.")
	fs.Int64Var(&cfg.ArtifactMaxSize, "artifact-max-size", 1<<30, "The most bytes that are fetched for one artifact.")
	cfg.bindPending(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return cfg, cfg.validate()
}

// bindPending adds the flags of kinds and transports that come later.
func (c *Config) bindPending(fs *pflag.FlagSet) {
	p := &c.pending
	p.String(fs, "default-service-account", "", "The ServiceAccount used for workload identity when an object names none.")
	p.String(fs, "token-cache-max-size", "100", "The most entries of the token cache.")
	p.Duration(fs, "token-cache-max-duration", time.Hour, "How long a token is cached at most.")
	p.Strings(fs, "ssh-kex-algos", "The key exchange algorithms of SSH.")
	p.Strings(fs, "ssh-hostkey-algos", "The host key algorithms of SSH.")
	p.String(fs, "helm-index-max-size", "52428800", "The most bytes of the index of a Helm repository.")
	p.String(fs, "helm-chart-max-size", "10485760", "The most bytes of a Helm chart.")
	p.String(fs, "helm-chart-file-max-size", "5242880", "The most bytes of a file in a Helm chart.")
	p.String(fs, "helm-cache-max-size", "0", "The most entries of the cache of Helm indexes.")
	p.Duration(fs, "helm-cache-ttl", 15*time.Minute, "How long an index of a Helm repository is cached.")
	p.Duration(fs, "helm-cache-purge-interval", time.Minute, "How often the cache of Helm indexes is purged.")
}

func (c *Config) validate() error {
	if err := c.pending.Validate(); err != nil {
		return err
	}
	switch c.DigestAlgo {
	case "sha256", "sha384", "sha512":
	default:
		return fmt.Errorf("reading --artifact-digest-algo: %q is not acted on by this version; use sha256, sha384 or sha512", c.DigestAlgo)
	}
	if c.RetentionRecords < 1 {
		return fmt.Errorf("reading --artifact-retention-records: %d would not keep the current artifact; use 1 or more", c.RetentionRecords)
	}
	if c.ArtifactMaxSize < 1 {
		return fmt.Errorf("reading --artifact-max-size: %d is not a number of bytes; use 1 or more", c.ArtifactMaxSize)
	}
	return nil
}

// Advertised returns the prefix of artifact URLs, without a trailing slash.
func (c *Config) Advertised() string {
	addr := c.StorageAdvAddr
	if addr == "" {
		host, port, _ := strings.Cut(c.StorageAddr, ":")
		switch host {
		case "":
			host = "localhost"
		case "0.0.0.0":
			host = hostname()
		}
		addr = host + ":" + port
	}
	if !strings.HasPrefix(addr, "http://") && !strings.HasPrefix(addr, "https://") {
		addr = "http://" + addr
	}
	return strings.TrimSuffix(addr, "/")
}

func hostname() string {
	if h := os.Getenv("HOSTNAME"); h != "" {
		return h
	}
	h, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return h
}

func envOr(key, value string) string {
	if v, ok := os.LookupEnv(key); ok {
		return v
	}
	return value
}
