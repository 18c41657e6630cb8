package agenda_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/live/agenda"
)

// TestAgenda compares with a map that is searched.
func TestAgenda(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var a agenda.Agenda[int]
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
			if got := a.Add(what, at(when)); got && !first && slices.Min(values(model)) != when {
				t.Fatalf("step %d: said to be the first, and is not", step)
			} else if first && !got {
				t.Fatalf("step %d: not said to be the first", step)
			}
		case 1:
			delete(model, what)
			a.Remove(what)
		case 2:
			var want []int
			for other, due := range model {
				if due <= when {
					want = append(want, other)
					delete(model, other)
				}
			}
			got := a.Take(at(when))
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("step %d: %s", step, diff)
			}
		}
		if a.Len() != len(model) {
			t.Fatalf("step %d: %d things, want %d", step, a.Len(), len(model))
		}
		if next, ok := a.Next(); ok != (len(model) > 0) || ok && !next.Equal(at(slices.Min(values(model)))) {
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
