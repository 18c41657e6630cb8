package once_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/capstan-gitops/capstan/pkg/artifact/internal/once"
)

// TestSeries lets go of what newer values of its series have replaced as soon as nobody holds it, however much room there is.
func TestSeries(t *testing.T) {
	cases := map[string]struct {
		why   string
		steps string // "+a1" acquires 1 of series a, "-a1" gives it back, "a1" does both
		want  []string
	}{
		"One":     {"the newest of a series is kept", "a1 a1", nil},
		"Newer":   {"the second replaces the first", "a1 a2", []string{"a1"}},
		"Many":    {"and so on", "a1 a2 a3", []string{"a1", "a2"}},
		"Others":  {"each series for itself", "a1 b1 b2 c1", []string{"b1"}},
		"Held":    {"not while somebody works with it", "+a1 a2 a3", []string{"a2"}},
		"Late":    {"but then", "+a1 a2 -a1", []string{"a1"}},
		"Again":   {"who goes back makes it anew, as the newest", "a1 a2 a1", []string{"a1", "a2"}},
		"HeldNew": {"what is held counts", "a1 +a2", []string{"a1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var freed []string
			store := once.New(1<<20, func(string) int64 { return 1 }, func(v string) {
				mu.Lock()
				defer mu.Unlock()
				freed = append(freed, v)
			})
			held := map[string]func(){}
			for _, step := range strings.Fields(tc.steps) {
				key := strings.TrimLeft(step, "+-")
				if step[0] != '-' {
					value, release, err := store.Acquire(t.Context(), key[:1], key, func(context.Context) (string, error) { return key, nil })
					if err != nil || value != key {
						t.Fatalf("got %q, %v", value, err)
					}
					held[key] = release
				}
				if step[0] != '+' {
					held[key]()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(freed, tc.want) {
				t.Errorf("%s: freed %v, want %v", tc.why, freed, tc.want)
			}
		})
	}
}
