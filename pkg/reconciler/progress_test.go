package reconciler_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// slow returns a phase that reports the text as its progress and takes the time. If
// the text is expected in the status, the phase ends only once it was written.
func (r *rig) slow(t *testing.T, text string, takes time.Duration, isReported bool) phase {
	t.Helper()
	if r.afterStatus == nil {
		r.progress = make(chan struct{}, 10)
		r.afterStatus = func(int) { r.progress <- struct{}{} }
	}
	return phase{
		Name:     "slow",
		Progress: func(*scope) string { return text },
		Run: func(context.Context, *scope) reconciler.Outcome {
			r.clock.Step(takes)
			if isReported {
				select {
				case <-r.progress:
				case <-time.After(patience):
					t.Errorf("nothing is reported of %q", text)
				}
			}
			return reconciler.Continue()
		},
	}
}

// read returns a phase that reads the object as users see it, and ends the pass.
func (r *rig) read(t *testing.T, seen *[]string, out reconciler.Outcome) phase {
	t.Helper()
	return phase{Name: "read", Run: func(context.Context, *scope) reconciler.Outcome {
		obj := r.now(t)
		*seen = append(conditions(obj), message(obj, meta.ConditionReady))
		return out
	}}
}

func TestProgress(t *testing.T) {
	cases := map[string]struct {
		why    string
		phases func(*testing.T, *rig) []phase
		seen   []string
		writes int
	}{
		"Quick": {
			why:    "a pass of less than a second says nothing",
			phases: func(t *testing.T, r *rig) []phase { return []phase{r.slow(t, "fetching", 999*time.Millisecond, false)} },
			seen:   []string{""},
			writes: 1,
		},
		"Slow": {
			why:    "a pass of more says what it is doing",
			phases: func(t *testing.T, r *rig) []phase { return []phase{r.slow(t, "fetching", time.Second, true)} },
			seen:   []string{"Reconciling True Progressing", "Ready Unknown Progressing", "fetching"},
			writes: 2,
		},
		"TwoSlow": {
			why: "each step of more than a second is named",
			phases: func(t *testing.T, r *rig) []phase {
				return []phase{r.slow(t, "fetching", time.Second, true), r.slow(t, "storing", time.Hour, true)}
			},
			seen:   []string{"Reconciling True Progressing", "Ready Unknown Progressing", "storing"},
			writes: 3,
		},
		"SameText": {
			why: "steps that are called the same are one",
			phases: func(t *testing.T, r *rig) []phase {
				return []phase{r.slow(t, "fetching", time.Second, true), r.slow(t, "fetching", time.Hour, false)}
			},
			seen:   []string{"Reconciling True Progressing", "Ready Unknown Progressing", "fetching"},
			writes: 2,
		},
		"QuietPhase": {
			why:    "a phase without a text has nothing to say",
			phases: func(t *testing.T, r *rig) []phase { return []phase{r.slow(t, "", time.Hour, false)} },
			seen:   []string{""},
			writes: 1,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			var seen []string
			r.Kind.Phases = append(tc.phases(t, r), r.read(t, &seen, done()))
			r.pass(t)
			if diff := cmp.Diff(tc.seen, seen); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if n := r.written(); n != tc.writes {
				t.Errorf("%s: %d status patches", tc.why, n)
			}
			if diff := cmp.Diff([]string{"Ready True Succeeded"}, conditions(r.now(t))); diff != "" {
				t.Errorf("the end of the pass (-want +got):\n%s", diff)
			}
		})
	}
}

// TestQuietPhaseFirst says that a pass whose first second went by in a phase
// without a text says what it is doing as soon as a phase has one. The test runs in
// a bubble of synctest to know when the timer of the pass has been handled.
func TestQuietPhaseFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRig(t)
		var seen []string
		r.Kind.Phases = []phase{
			{Name: "quiet", Run: func(context.Context, *scope) reconciler.Outcome {
				r.clock.Step(time.Second)
				synctest.Wait()
				return reconciler.Continue()
			}},
			{
				Name: "slow", Progress: func(*scope) string { return "fetching" },
				Run: func(context.Context, *scope) reconciler.Outcome {
					synctest.Wait()
					return reconciler.Continue()
				},
			},
			r.read(t, &seen, done()),
		}
		r.pass(t)
		want := []string{"Reconciling True Progressing", "Ready Unknown Progressing", "fetching"}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("a pass of minutes says nothing (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"Ready True Succeeded"}, conditions(r.now(t))); diff != "" {
			t.Errorf("the end of the pass (-want +got):\n%s", diff)
		}
	})
}

func TestProgressKeepsForeignConditions(t *testing.T) {
	r := newRig(t)
	written := make(chan struct{}, 10)
	r.afterStatus = func(n int) {
		if n == 2 { // the first one met the conflict
			written <- struct{}{}
		}
	}
	r.Kind.Phases = []phase{{
		Name: "slow", Progress: func(*scope) string { return "fetching" },
		Run: func(context.Context, *scope) reconciler.Outcome {
			comment(t, r.direct, r.now(t), "theirs")
			r.clock.Step(time.Second)
			select {
			case <-written:
			case <-time.After(patience):
				t.Error("nothing is reported")
			}
			return done()
		},
	}}
	r.pass(t)
	if diff := cmp.Diff([]string{"Ready True Succeeded", foreign + " True Seen"}, conditions(r.now(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProgressThatCannotBeReported(t *testing.T) {
	r := newRig(t)
	tried := make(chan struct{}, 1)
	r.beforeStatus = func(n int) error {
		if n > 1 {
			return nil
		}
		tried <- struct{}{}
		return errors.New("the API server is busy")
	}
	r.Kind.Phases = []phase{{
		Name: "slow", Progress: func(*scope) string { return "fetching" },
		Run: func(context.Context, *scope) reconciler.Outcome {
			r.clock.Step(time.Second)
			select {
			case <-tried:
			case <-time.After(patience):
				t.Error("nothing is reported")
			}
			return done()
		},
	}}
	r.pass(t)
	if diff := cmp.Diff([]string{"Ready True Succeeded"}, conditions(r.now(t))); diff != "" {
		t.Errorf("the pass does not fail for it (-want +got):\n%s", diff)
	}
}

// TestSlowPassesAreReportedLikeQuickOnes says that a progress status in between does
// not make the skeleton forget what was reported before the pass.
func TestSlowPassesAreReportedLikeQuickOnes(t *testing.T) {
	r := newRig(t)
	var seen []string
	slowly := func(out reconciler.Outcome) {
		r.Kind.Phases = []phase{r.slow(t, "fetching", time.Second, true), r.read(t, &seen, out)}
	}
	slowly(broken())
	if _, err := r.try(t); err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff([]event{{reconciler.Error, meta.ReasonGitOperationFailed, "connection refused"}}, r.reported()); diff != "" {
		t.Errorf("the first failure is reported (-want +got):\n%s", diff)
	}
	slowly(broken())
	if _, err := r.try(t); err == nil {
		t.Fatal("no error")
	}
	if got := r.reported(); len(got) != 0 {
		t.Errorf("the same failure is reported again: %v", got)
	}
	slowly(done())
	r.pass(t)
	if diff := cmp.Diff([]event{{reconciler.Info, meta.ReasonSucceeded, "stored"}}, r.reported()); diff != "" {
		t.Errorf("the recovery is reported (-want +got):\n%s", diff)
	}
}
