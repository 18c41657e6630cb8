// Package config turns the command line of kustomize-controller into a validated
// configuration.
package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/capstan-gitops/capstan/pkg/app"
)

// Gates of our own, each of which turns a mechanism off when it is set to false: to
// compare, or to find a fault.
const (
	// GateSkips lets a pass skip the build when nothing it reads has changed.
	GateSkips = "SkipUnchangedInputs"
	// GateLedger lets a pass leave alone what the ledger says is applied.
	GateLedger = "LedgerPlans"
	// GateWatch lets the watch say what drifted.
	GateWatch = "WatchDrift"
	// GateLists lets a list wait for a moment, so that more callers share it.
	GateLists = "CoalesceLists"
	// GateWidening lets one watch stand for those of many names.
	GateWidening = "WidenNamedWatches"
	// GateDefer lets a status be written later, together with that of the next pass.
	GateDefer = "DeferStatus"
	// GateBuilds keeps the results of builds for corrections.
	GateBuilds = "CacheBuilds"
)

// GateUnknown makes it an error that an object of a built-in kind has a field which
// the API server does not have; without it the field is left out and reported.
const GateUnknown = "RejectUnknownFields"

// mechanisms are the gates of our own, in the order in which the help lists them.
var mechanisms = []string{
	GateSkips, GateLedger, GateWatch, GateLists, GateWidening, GateDefer, GateBuilds,
}

// contractGates are the gates of the API that we speak, with their defaults.
func contractGates() map[string]bool {
	return map[string]bool{
		"CacheSecretsAndConfigMaps": false, "ObjectLevelWorkloadIdentity": false, "ExternalArtifact": false,
		"AdditiveCELDependencyCheck": false, "CancelHealthCheckOnNewRevision": true, "DirectSourceFetch": false,
		"DisableConfigWatchers": false, "DisableStatusPollerCache": true, "StrictPostBuildSubstitutions": true,
		"DisableFailFastBehavior": false, "GroupChangeLog": false, "MigrateAPIVersion": false,
	}
}

// gates are all gates with their defaults; every mechanism is on.
func gates() map[string]bool {
	all := contractGates()
	for _, name := range mechanisms {
		all[name] = true
	}
	all[GateUnknown] = false
	return all
}

// Config is the configuration of the binary.
type Config struct {
	app.Options

	// ConcurrentSSA is how many objects of one Kustomization are applied at once;
	// zero, unless it was set, leaves that to what the server bears.
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
	// DeletionBudget bounds what one pass may delete without consent; empty bounds
	// nothing.
	DeletionBudget []string
	// SnapshotSecrets has Secrets that are pruned kept in the snapshots of what was
	// pruned, which are Secrets themselves.
	SnapshotSecrets bool

	// DefaultServiceAccount is impersonated for units that name none,
	// DefaultKubeConfigServiceAccount and DefaultDecryptionServiceAccount are the
	// workload identities for other clusters and key services.
	DefaultServiceAccount           string
	DefaultKubeConfigServiceAccount string
	DefaultDecryptionServiceAccount string
	// SOPSAgeSecret names the Secret, in the controller's namespace, with the age
	// keys for units that name none; SOPSVaultConfigMap the ConfigMap that lists
	// the Vault instances that are logged in to.
	SOPSAgeSecret      string
	SOPSVaultConfigMap string
	// InsecureKubeConfigExec and InsecureKubeConfigTLS allow what kubeconfigs are
	// not believed otherwise.
	InsecureKubeConfigExec bool
	InsecureKubeConfigTLS  bool
	// TokenCacheMaxSize and TokenCacheMaxDuration bound the cache of tokens; a size
	// of zero switches it off.
	TokenCacheMaxSize     int
	TokenCacheMaxDuration time.Duration
}

// Parse reads the command line.
func Parse(args []string) (*Config, error) {
	cfg := &Config{Options: app.Options{Name: "kustomize-controller", Gates: gates()}}
	fs := pflag.NewFlagSet(cfg.Name, pflag.ContinueOnError)
	cfg.Bind(fs, app.Defaults{Concurrent: 4})
	fs.Lookup("feature-gates").Usage += " On unless set to false, each turning one mechanism off: " + strings.Join(mechanisms, ", ") + "." +
		" Off unless set to true: " + GateUnknown + ", which refuses objects of built-in kinds with fields that the API server does not have."
	fs.IntVar(&cfg.ConcurrentSSA, "concurrent-ssa", 4, "The number of objects of one Kustomization that are applied at once. Unset, the server's answers decide.")
	fs.StringArrayVar(&cfg.OverrideManagers, "override-manager", nil, "A field manager whose fields are taken over; may be repeated.")
	fs.IntVar(&cfg.HTTPRetry, "http-retry", 9, "How often a download is tried again.")
	fs.StringSliceVar(&cfg.StagedKinds, "custom-apply-stage-kinds", nil, "Kinds that are applied before the rest, as group/Kind.")
	fs.BoolVar(&cfg.NoRemoteBases, "no-remote-bases", false, "Refuse bases that are not part of the artifact.")
	fs.Int64Var(&cfg.ArtifactCacheSize, "artifact-cache-size", 1<<30, "The most bytes of artifacts that are kept on disk between builds.")
	cfg.bindDeletion(fs)
	cfg.bindIdentities(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if !fs.Changed("concurrent-ssa") {
		cfg.ConcurrentSSA = 0
	}
	return cfg, nil
}

// bindDeletion adds the flags that guard deletions.
func (c *Config) bindDeletion(fs *pflag.FlagSet) {
	fs.StringSliceVar(&c.DeletionBudget, "deletion-budget", nil,
		"What one reconcile may delete without consent: count=N, percent=N and protect=Kind[.group], separated by commas; may be repeated. Unset, only an emptied build is held.")
	fs.BoolVar(&c.SnapshotSecrets, "snapshot-secrets", false,
		"Keep pruned Secrets in the snapshots of what was pruned. Set it only where the cluster encrypts Secrets at rest.")
}

// bindIdentities adds the flags of identities, remote clusters and decryption.
func (c *Config) bindIdentities(fs *pflag.FlagSet) {
	fs.StringVar(&c.DefaultServiceAccount, "default-service-account", "", "The ServiceAccount that is impersonated when an object names none.")
	fs.StringVar(&c.DefaultKubeConfigServiceAccount, "default-kubeconfig-service-account", "", "The ServiceAccount used for workload identity of remote clusters.")
	fs.StringVar(&c.DefaultDecryptionServiceAccount, "default-decryption-service-account", "", "The ServiceAccount used for workload identity of decryption.")
	fs.StringVar(&c.SOPSAgeSecret, "sops-age-secret", "", "The Secret with the age keys used when an object names none.")
	fs.StringVar(&c.SOPSVaultConfigMap, "sops-vault-configmap", "", "The ConfigMap that lists Vault instances.")
	fs.BoolVar(&c.InsecureKubeConfigExec, "insecure-kubeconfig-exec", false, "Allow kubeconfigs to run programs.")
	fs.BoolVar(&c.InsecureKubeConfigTLS, "insecure-kubeconfig-tls", false, "Allow kubeconfigs to skip the verification of certificates.")
	fs.IntVar(&c.TokenCacheMaxSize, "token-cache-max-size", 100, "The most entries of the token cache; 0 switches it off.")
	fs.DurationVar(&c.TokenCacheMaxDuration, "token-cache-max-duration", time.Hour, "How long a token is cached at most.")
}

func (c *Config) validate() error {
	if err := c.Options.Validate(); err != nil { // which also sets the gates
		return err
	}
	if c.ConcurrentSSA < 1 {
		return fmt.Errorf("reading --concurrent-ssa: %d is not a number of requests; use 1 or more", c.ConcurrentSSA)
	}
	if c.HTTPRetry < 0 {
		return fmt.Errorf("reading --http-retry: %d is not a number of attempts; use 0 or more", c.HTTPRetry)
	}
	for flag, account := range map[string]string{
		"default-kubeconfig-service-account": c.DefaultKubeConfigServiceAccount,
		"default-decryption-service-account": c.DefaultDecryptionServiceAccount,
	} {
		if account != "" && !c.Enabled("ObjectLevelWorkloadIdentity") {
			return fmt.Errorf("reading --%s: it needs --feature-gates=ObjectLevelWorkloadIdentity=true", flag)
		}
	}
	return nil
}
