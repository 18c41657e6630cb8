package wallclock_test

import (
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/pkg/testkit/wallclock"
)

// TestClock also checks the assumption about the layout of a time.
func TestClock(t *testing.T) {
	cases := map[string]struct {
		why   string
		ahead time.Duration
	}{
		"Same":    {"nobody set it", 0},
		"Forward": {"an hour ahead", time.Hour},
		"Back":    {"an hour behind", -time.Hour},
		"Year":    {"a battery ran empty", -365 * 24 * time.Hour},
	}
	const tolerance = time.Minute
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &wallclock.Clock{}
			before := c.Now()
			c.Set(tc.ahead)
			now := c.Now()
			if passed := now.Sub(before); passed < 0 || passed > tolerance {
				t.Errorf("%s: %s passed between two readings", tc.why, passed)
			}
			if passed := c.Since(before); passed < 0 || passed > tolerance {
				t.Errorf("%s: %s passed since a reading", tc.why, passed)
			}
			if ahead := now.Round(0).Sub(before.Round(0)); (ahead - tc.ahead).Abs() > tolerance {
				t.Errorf("%s: the wall time moved by %s, want %s", tc.why, ahead, tc.ahead)
			}
			if ahead := c.Since(time.Now().Round(0)); (ahead - tc.ahead).Abs() > tolerance {
				t.Errorf("%s: %s ahead of the machine, want %s", tc.why, ahead, tc.ahead)
			}
		})
	}
}
