package cell

import "testing"

func TestTargets(t *testing.T) {
	cases := map[string]struct {
		at                                  targets
		install, noop, commit, wall, judged float64
		why                                 string
	}{
		"Table":   {targets{300, 4}, 3700, 330, 340, 14000, memory, "these are the numbers of the engine"},
		"Fewer":   {targets{100, 4}, 3700.0 / 3, 130, 140, 14000, memory, "requests come with units, and a time has a floor"},
		"More":    {targets{600, 4}, 7400, 630, 640, 28000, 0, "work comes with units, and no memory is promised"},
		"Objects": {targets{300, 20}, 3700 + 300*16*2, 330, 340, 70000, 0, "an object is validated and applied"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.at.installRequests(); got != tc.install {
				t.Errorf("an installation may make %v requests, want %v, because %s", got, tc.install, tc.why)
			}
			if got := tc.at.perUnit(noopBeside); got != tc.noop {
				t.Errorf("a pass may make %v requests, want %v, because %s", got, tc.noop, tc.why)
			}
			if got := tc.at.perUnit(commitBeside); got != tc.commit {
				t.Errorf("a commit may make %v requests, want %v, because %s", got, tc.commit, tc.why)
			}
			if got := tc.at.installWork(installWall); got != tc.wall {
				t.Errorf("an installation may take %v, want %v, because %s", got, tc.wall, tc.why)
			}
			if f := tc.at.peak(1); f.Judged() != (tc.judged > 0) {
				t.Errorf("memory is judged: %t, because %s", f.Judged(), tc.why)
			}
		})
	}
}
