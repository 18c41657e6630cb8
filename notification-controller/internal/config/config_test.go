package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/notification-controller/internal/config"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		why  string
		args []string
		want string
	}{
		"Contract":     {"the flags of the contract", []string{"--receiverAddr=:1", "--events-addr=:2", "--rate-limit-interval=1m", "--export-http-path-metrics", "--no-cross-namespace-refs", "--feature-gates=ObjectLevelWorkloadIdentity=true"}, ""},
		"UnknownFlag":  {"a typo is an error", []string{"--receiver-addr=:1"}, "unknown flag"},
		"NoEvents":     {"it is there to accept events", []string{"--events-addr="}, "--events-addr"},
		"Negative":     {"no time before now", []string{"--rate-limit-interval=-1s"}, "--rate-limit-interval"},
		"SmallOutbox":  {"one event fits in", []string{"--outbox-max-size=10"}, "--outbox-max-size"},
		"NoOutboxPath": {"somewhere it has to be", []string{"--outbox-path="}, "--outbox-path"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse(tc.args)
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s: error %v, want %q", tc.why, err, tc.want)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	cfg, err := config.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.EventsAddr != ":9090" || cfg.ReceiverAddr != ":9292" || cfg.RateLimitInterval != 5*time.Minute || cfg.Concurrent != 4 || cfg.HTTPPathMetrics {
		t.Errorf("the defaults are not those of the contract: %+v", cfg)
	}
}
