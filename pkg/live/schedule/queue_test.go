package schedule_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/live/schedule"
)

// TestQueue compares with a map that is searched.
func TestQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q schedule.Queue[int]
	model := map[int]int{}
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	for step := range 5000 {
		what, when := rng.IntN(50), rng.IntN(1000)
		switch rng.IntN(3) {
		case 0:
			_, there := model[what]
			first := !there
			for _, other := range model {
				first = first && when < other
			}
			if !there {
				model[what] = when
			}
			if got := q.Add(what, at(when)); got && !first && slices.Min(values(model)) != when {
				t.Fatalf("step %d: said to be the first, and is not", step)
			} else if first && !got {
				t.Fatalf("step %d: not said to be the first", step)
			}
		case 1:
			delete(model, what)
			q.Remove(what)
		case 2:
			var want []int
			for other, due := range model {
				if due <= when {
					want = append(want, other)
					delete(model, other)
				}
			}
			got := q.Take(at(when))
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("step %d: %s", step, diff)
			}
		}
		if q.Len() != len(model) {
			t.Fatalf("step %d: %d things, want %d", step, q.Len(), len(model))
		}
		if next, ok := q.Next(); ok != (len(model) > 0) || ok && !next.Equal(at(slices.Min(values(model)))) {
			t.Fatalf("step %d: next is %s", step, next)
		}
	}
}

func values(m map[int]int) []int {
	var out []int
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
