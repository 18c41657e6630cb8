package config_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/source-controller/internal/config"
)

func TestDefaults(t *testing.T) {
	for _, key := range []string{"STORAGE_PATH", "STORAGE_ADDRESS", "STORAGE_ADV_ADDR"} {
		unset(t, key)
	}
	t.Setenv("EVENTS_ADDR", "")
	t.Setenv("METRICS_ADDR", "")
	cfg, err := config.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	type values struct {
		Path, Addr, Adv, Algo, Metrics, Events string
		TTL                                    time.Duration
		Records, Concurrent                    int
		Size                                   int64
	}
	want := values{
		Path: "/data", Addr: ":9090", Algo: "sha256", Metrics: ":8080", TTL: time.Minute, Records: 2, Concurrent: 2, Size: 1 << 30,
	}
	got := values{
		cfg.StoragePath, cfg.StorageAddr, cfg.StorageAdvAddr, cfg.DigestAlgo, cfg.MetricsAddr, cfg.EventsAddr,
		cfg.RetentionTTL, cfg.RetentionRecords, cfg.Concurrent, cfg.ArtifactMaxSize,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the defaults of the contract (-want +got):\n%s", diff)
	}
}

// unset takes a variable out of the environment for the time of the test.
func unset(t *testing.T, key string) {
	t.Helper()
	t.Setenv(key, "")
	if err := os.Unsetenv(key); err != nil {
		t.Fatal(err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("STORAGE_PATH", "/artifacts")
	t.Setenv("STORAGE_ADDRESS", ":1")
	t.Setenv("STORAGE_ADV_ADDR", "source:2")
	t.Setenv("EVENTS_ADDR", "http://events")
	t.Setenv("METRICS_ADDR", ":3")
	cfg, err := config.Parse([]string{"--storage-path=/flag"})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{cfg.StoragePath, cfg.StorageAddr, cfg.Advertised(), cfg.EventsAddr, cfg.MetricsAddr}
	if diff := cmp.Diff([]string{"/flag", ":1", "http://source:2", "http://events", ":3"}, got); diff != "" {
		t.Errorf("the environment is the default, the flag wins (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	cases := map[string]struct{ why, arg, message string }{
		"UnknownFlag":   {"a flag of another version", "--nope", "nope"},
		"Blake3":        {"in the contract, but not acted on by this version", "--artifact-digest-algo=blake3", "--artifact-digest-algo"},
		"MD5":           {"broken", "--artifact-digest-algo=md5", "--artifact-digest-algo"},
		"NoAlgorithm":   {"nothing would be verified", "--artifact-digest-algo=", "--artifact-digest-algo"},
		"NoRecords":     {"the current artifact would go", "--artifact-retention-records=0", "--artifact-retention-records"},
		"NoSize":        {"nothing could be fetched", "--artifact-max-size=0", "--artifact-max-size"},
		"NegativeSize":  {"nothing could be fetched", "--artifact-max-size=-1", "--artifact-max-size"},
		"BadTTL":        {"not a duration", "--artifact-retention-ttl=1d", "artifact-retention-ttl"},
		"PendingFlag":   {"of a kind that comes later", "--helm-index-max-size=1", "--helm-index-max-size"},
		"CrossNamespce": {"sources refer to no other namespace", "--no-cross-namespace-refs", "no-cross-namespace-refs"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := config.Parse([]string{tc.arg}); err == nil || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
	for _, algorithm := range []string{"sha256", "sha384", "sha512"} {
		if _, err := config.Parse([]string{"--artifact-digest-algo=" + algorithm}); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestAdvertised(t *testing.T) {
	t.Setenv("HOSTNAME", "pod-1")
	cases := map[string]struct{ why, addr, adv, want string }{
		"Port":       {"without a host it is this machine", ":9090", "", "http://localhost:9090"},
		"AnyAddress": {"every address is known by the name of the host", "0.0.0.0:9090", "", "http://pod-1:9090"},
		"Address":    {"an address is advertised as it is", "10.0.0.1:9090", "", "http://10.0.0.1:9090"},
		"Host":       {"what the install sets", ":9090", "source-controller.flux-system.svc.cluster.local.", "http://source-controller.flux-system.svc.cluster.local."},
		"HTTP":       {"a URL is used as it is", ":9090", "http://proxy/artifacts", "http://proxy/artifacts"},
		"HTTPS":      {"a URL is used as it is", ":9090", "https://proxy", "https://proxy"},
		"Slash":      {"paths begin with their own slash", ":9090", "http://proxy/", "http://proxy"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg, err := config.Parse([]string{"--storage-addr=" + tc.addr, "--storage-adv-addr=" + tc.adv})
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.Advertised(); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.why, got, tc.want)
			}
		})
	}
}
