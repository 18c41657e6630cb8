package cell

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
			if got := percentile(tc.all, tc.p); got != tc.want {
				t.Errorf("percentile %d is %d, want %d, because %s", tc.p, got, tc.want, tc.why)
			}
		})
	}
}

func TestCellsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		if c.Name == "" || c.About == "" || c.Run == nil || seen[c.Name] {
			t.Errorf("cell %q is incomplete or listed twice", c.Name)
		}
		seen[c.Name] = true
	}
}
