// Package config turns the command line of kustomize-controller into a validated
// configuration.
package config

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/capstan-gitops/capstan/pkg/app"
)

// Gates of our own, each of which turns a mechanism off.
const (
	// GateSkips lets a pass skip the build when nothing it reads has changed.
	GateSkips = "SkipUnchangedInputs"
	// GateLedger lets a pass leave alone what the ledger says is applied.
	GateLedger = "LedgerPlans"
	// GateWatch lets the watch say what drifted.
	GateWatch = "WatchDrift"
)

// Config is the configuration of the binary.
type Config struct {
	app.Options

	// ConcurrentSSA is how many objects of one Kustomization are applied at once.
	ConcurrentSSA int
	// OverrideManagers are field managers whose fields are taken over.
	OverrideManagers []string
	// HTTPRetry is how often a download is tried again.
	HTTPRetry int
	// StagedKinds are the kinds applied before the rest, as group/Kind.
	StagedKinds []string
	// NoRemoteBases refuses bases that are not part of the artifact.
	NoRemoteBases bool
	// ArtifactCacheSize bounds the artifacts kept on disk, in bytes.
	ArtifactCacheSize int64

	pending app.Pending
}

// Parse reads the command line.
func Parse(args []string) (*Config, error) {
	cfg := &Config{Options: app.Options{Name: "kustomize-controller", Gates: map[string]bool{
		"CacheSecretsAndConfigMaps": false, "ObjectLevelWorkloadIdentity": false, "ExternalArtifact": false,
		"AdditiveCELDependencyCheck": false, "CancelHealthCheckOnNewRevision": false, "DirectSourceFetch": false,
		"DisableConfigWatchers": false, "DisableStatusPollerCache": true, "StrictPostBuildSubstitutions": true,
		"DisableFailFastBehavior": false, "GroupChangeLog": false, "MigrateAPIVersion": false,
		GateSkips: true, GateLedger: true, GateWatch: true,
	}}}
	fs := pflag.NewFlagSet(cfg.Name, pflag.ContinueOnError)
	cfg.Bind(fs, app.Defaults{Concurrent: 4})
	fs.IntVar(&cfg.ConcurrentSSA, "concurrent-ssa", 4, "The number of objects of one Kustomization that are applied at once.")
	fs.StringArrayVar(&cfg.OverrideManagers, "override-manager", nil, "A field manager whose fields are taken over; may be repeated.")
	fs.IntVar(&cfg.HTTPRetry, "http-retry", 9, "How often a download is tried again.")
	fs.StringSliceVar(&cfg.StagedKinds, "custom-apply-stage-kinds", nil, "Kinds that are applied before the rest, as group/Kind.")
	fs.BoolVar(&cfg.NoRemoteBases, "no-remote-bases", false, "Refuse bases that are not part of the artifact. This version refuses them always.")
	fs.Int64Var(&cfg.ArtifactCacheSize, "artifact-cache-size", 1<<30, "The most bytes of artifacts that are kept on disk between builds.")
	cfg.bindPending(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return cfg, cfg.validate()
}

// bindPending adds the flags of identities and decryption, which come later.
func (c *Config) bindPending(fs *pflag.FlagSet) {
	p := &c.pending
	p.String(fs, "default-service-account", "", "The ServiceAccount that is impersonated when an object names none.")
	p.String(fs, "default-kubeconfig-service-account", "", "The ServiceAccount used for workload identity of remote clusters.")
	p.String(fs, "default-decryption-service-account", "", "The ServiceAccount used for workload identity of decryption.")
	p.String(fs, "sops-age-secret", "", "The Secret with the age keys used when an object names none.")
	p.String(fs, "sops-vault-configmap", "", "The ConfigMap that lists Vault instances.")
	p.Bool(fs, "insecure-kubeconfig-exec", false, "Allow kubeconfigs to run programs.")
	p.Bool(fs, "insecure-kubeconfig-tls", false, "Allow kubeconfigs to skip the verification of certificates.")
	p.String(fs, "token-cache-max-size", "100", "The most entries of the token cache.")
	p.Duration(fs, "token-cache-max-duration", time.Hour, "How long a token is cached at most.")
}

func (c *Config) validate() error {
	if err := c.pending.Validate(); err != nil {
		return err
	}
	if c.ConcurrentSSA < 1 {
		return fmt.Errorf("reading --concurrent-ssa: %d is not a number of requests; use 1 or more", c.ConcurrentSSA)
	}
	for _, gate := range []string{
		"ObjectLevelWorkloadIdentity", "ExternalArtifact", "AdditiveCELDependencyCheck", "GroupChangeLog", "MigrateAPIVersion",
	} {
		if c.Enabled(gate) {
			return fmt.Errorf("reading --feature-gates: %s is not acted on by this version; leave it off", gate)
		}
	}
	return nil
}
