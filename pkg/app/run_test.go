package app

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func TestSpread(t *testing.T) {
	cases := map[string]struct {
		why     string
		percent uint8
		at      float64
		want    time.Duration
	}{
		"Off":    {"without jitter an interval is what it is", 0, 1, time.Hour},
		"Least":  {"it ends so much earlier", 5, 0, 57 * time.Minute},
		"Middle": {"or on time", 5, 0.5, time.Hour},
		"Most":   {"or so much later", 5, 1, 63 * time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := spread(time.Hour, tc.percent, tc.at); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.why, got, tc.want)
			}
		})
	}
}

// TestIntervalIsShared has several workers ask, as they do at the end of a pass: the
// race detector finds a source of random numbers that is not made for it.
func TestIntervalIsShared(t *testing.T) {
	env := &Env{Options: mustParse(t)}
	done := make(chan time.Duration)
	const workers = 4
	for range workers {
		go func() { done <- env.Interval(time.Hour) }()
	}
	for range workers {
		if got := <-done; got < 57*time.Minute || got > 63*time.Minute {
			t.Errorf("got %s, which is more than 5 %% off", got)
		}
	}
}

// TestRetriesObeyTheirFlags says that the flags bound the pauses of every controller.
func TestRetriesObeyTheirFlags(t *testing.T) {
	env := &Env{Options: mustParse(t, "--min-retry-delay=2s", "--max-retry-delay=30s")}
	options := env.Controller(env.Retries())
	least, most := time.Hour, time.Duration(0)
	for range 20 {
		pause := options.RateLimiter.When(reconcile.Request{})
		least, most = min(least, pause), max(most, pause)
	}
	if least != 2*time.Second || most > 30*time.Second || most < 20*time.Second {
		t.Errorf("pauses lie between %s and %s", least, most)
	}
}
