package parallel_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/capstan-gitops/capstan/pkg/parallel"
)

func TestMap(t *testing.T) {
	cases := map[string]struct {
		why     string
		workers int
		items   []int
		want    []int
	}{
		"Nothing": {"there is nothing to do", 2, nil, []int{}},
		"One":     {"one at a time", 1, []int{1, 2, 3}, []int{1, 4, 9}},
		"Few":     {"results keep the order of the items", 2, []int{1, 2, 3, 4, 5}, []int{1, 4, 9, 16, 25}},
		"Many":    {"more workers than items", 9, []int{7}, []int{49}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var now, most atomic.Int64
			got := parallel.Map(tc.workers, tc.items, func(i int) int {
				for n := now.Add(1); n > most.Load(); {
					most.Store(n)
				}
				defer now.Add(-1)
				return i * i
			})
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s: got %v, want %v", tc.why, got, tc.want)
			}
			if int(most.Load()) > tc.workers {
				t.Errorf("%s: %d at a time, not %d", tc.why, most.Load(), tc.workers)
			}
		})
	}
}

// TestMapRunsAtOnce ends only if both calls are under way together.
func TestMapRunsAtOnce(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	parallel.Map(2, []int{1, 2}, func(int) struct{} {
		both.Done()
		both.Wait()
		return struct{}{}
	})
}

// TestPanic is seen by the caller, after the calls that had begun have ended.
func TestPanic(t *testing.T) {
	var ended atomic.Int64
	defer func() {
		if p := recover(); p != "two" {
			t.Errorf("recovered %v", p)
		}
		if ended.Load() != 1 {
			t.Errorf("%d calls ended", ended.Load())
		}
	}()
	parallel.Map(1, []int{1, 2, 3}, func(i int) struct{} {
		if i == 2 {
			panic("two")
		}
		ended.Add(1)
		return struct{}{}
	})
}
