package correction_test

import (
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/pkg/delivery/correction"
)

func TestFightPauses(t *testing.T) {
	now := time.Unix(1000, 0)
	fight := correction.Fight{}
	if !fight.Until(time.Minute).IsZero() {
		t.Error("the first correction is made at once")
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		fight = fight.Corrected(now, time.Minute)
		if got := fight.Until(time.Minute).Sub(now); got != want*time.Second {
			t.Errorf("after correction %d the pause is %s, want %ds", i+1, got, want)
		}
		if fight.Reported() != (i >= 2) {
			t.Errorf("after correction %d reported is %v", i+1, fight.Reported())
		}
		now = fight.Until(time.Minute)
	}
	if after := fight.Corrected(now.Add(time.Hour), time.Minute); after.Count != 1 {
		t.Errorf("an interval without a correction ends the fight, count is %d", after.Count)
	}
	if got := (correction.Fight{Count: 1000, Last: now}).Until(time.Minute); got.Sub(now) != time.Minute {
		t.Errorf("a long fight pauses for %s", got.Sub(now))
	}
}
