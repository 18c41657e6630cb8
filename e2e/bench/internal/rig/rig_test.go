package rig

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 0, 100)
	for i := 100; i > 0; i-- {
		hundred = append(hundred, time.Duration(i))
	}
	cases := map[string]struct {
		all  []time.Duration
		p    int
		want time.Duration
		why  string
	}{
		"None":        {nil, 99, 0, "there is nothing to tell"},
		"One":         {hundred[:1], 50, 100, "it is all there is"},
		"Median":      {hundred, 50, 50, "half are not slower"},
		"NinetyNinth": {hundred, 99, 99, "one in a hundred is slower"},
		"Slowest":     {hundred, 100, 100, "nothing is slower"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Percentile(tc.all, tc.p); got != tc.want {
				t.Errorf("percentile %d is %d, want %d, because %s", tc.p, got, tc.want, tc.why)
			}
		})
	}
}

func TestScale(t *testing.T) {
	for scale, want := range map[Scale]int{1: 30, 0.1: 3, 0.001: 1, 2: 60} {
		if got := scale.Of(30); got != want {
			t.Errorf("30 at scale %v is %d, want %d", scale, got, want)
		}
	}
}

func TestWorldsAreShared(t *testing.T) {
	small, large := Setup{OneAtATime: true}, Setup{}
	install, noop := Cell{Bare: true}, Cell{}
	fresh, old := &Rig{setup: large}, &Rig{setup: large, used: true}
	cases := map[string]struct {
		rig   *Rig
		cell  Cell
		setup Setup
		want  bool
		why   string
	}{
		"FreshForInstall": {fresh, install, large, true, "no unit exists"},
		"UsedForInstall":  {old, install, large, false, "units exist, and memory has had its peak"},
		"UsedForNoop":     {old, noop, large, true, "units are needed"},
		"SpentForNoop":    {&Rig{setup: large, used: true, spent: true}, noop, large, false, "its units are not those that the setup means"},
		"OtherSetup":      {fresh, noop, small, false, "it is another world"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.rig.Fits(tc.cell, tc.setup); got != tc.want {
				t.Errorf("the cell fits: %t, want %t, because %s", got, tc.want, tc.why)
			}
		})
	}
}
