package reconciler_test

import (
	"errors"
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

var errAway = errors.New("the API server is away")

// TestRetriesEndAtTheInterval has an object fail forty times in a row, which doubles its
// pauses far beyond a quarter of an hour if nothing bounds them.
func TestRetriesEndAtTheInterval(t *testing.T) {
	const least, most = 750 * time.Millisecond, 15 * time.Minute
	for name, tc := range map[string]struct {
		why         string
		timing      reconciler.Timing
		least, most time.Duration
		want        time.Duration
	}{
		"ShortInterval":  {"a source with an interval of a second is looked at again within a minute", reconciler.Timing{Interval: time.Second}, least, most, time.Minute},
		"LongInterval":   {"nobody expects it sooner than its interval", reconciler.Timing{Interval: 10 * time.Minute}, least, most, 10 * time.Minute},
		"VeryLong":       {"--max-retry-delay stays the bound of all", reconciler.Timing{Interval: time.Hour}, least, most, most},
		"RetryInterval":  {"its own retry interval comes first, here after a status that could not be written", reconciler.Timing{Interval: time.Hour, Retry: 2 * time.Minute}, least, most, 2 * time.Minute},
		"NoInterval":     {"a kind without one is tried every minute", reconciler.Timing{}, least, most, time.Minute},
		"LowMaximum":     {"whoever sets --max-retry-delay lower gets that", reconciler.Timing{Interval: time.Hour}, least, 10 * time.Second, 10 * time.Second},
		"HighMinimum":    {"--min-retry-delay holds whatever the interval is", reconciler.Timing{Interval: time.Second}, 5 * time.Minute, most, 5 * time.Minute},
		"MinimumOverMax": {"of two bounds that exclude each other the minimum counts", reconciler.Timing{}, time.Minute, time.Second, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			for _, late := range []bool{true, false} {
				early := 1.0
				if late {
					early = 0
				}
				r := newFakeRig(t)
				r.Retries = reconciler.NewRetries(tc.least, tc.most, func() float64 { return early })
				r.Kind.Timing = func(*sourcev1.GitRepository) (reconciler.Timing, error) { return tc.timing, nil }
				r.beforeStatus = func(int) error { return errAway }
				req := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(r.obj)}
				r.ends(broken())
				var pause time.Duration
				for n := range 40 {
					if _, err := r.Reconcile(t.Context(), req); err == nil {
						t.Fatal("the pass did not fail")
					}
					before := pause
					pause = r.Retries.When(req)
					if pause < tc.least || pause > tc.want || pause < before {
						t.Fatalf("%s: pause %d is %s, after one of %s", tc.why, n, pause, before)
					}
				}
				want := tc.want
				if !late {
					want = max(tc.want-tc.want/4, tc.least)
				}
				if pause != want {
					t.Errorf("%s: pauses end at %s, want %s", tc.why, pause, want)
				}
				if n := r.Retries.NumRequeues(req); n != 40 {
					t.Errorf("counted %d failures", n)
				}
			}
		})
	}
}

// TestRetriesBeginAnew says that an object that was well begins with the shortest pause,
// and that others do not count.
func TestRetriesBeginAnew(t *testing.T) {
	r := reconciler.NewRetries(time.Second, time.Hour, func() float64 { return 0 })
	one, other := ctrl.Request{}, ctrl.Request{}
	one.Name, other.Name = "one", "other"
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if got := r.When(one); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := r.When(other); got != time.Second {
		t.Errorf("the failures of another object count: %s", got)
	}
	r.Forget(one)
	if got := r.When(one); got != time.Second {
		t.Errorf("what was before it was well counts: %s", got)
	}
}

// TestUnreadableObjectKeepsItsInterval says that an object that cannot be read is tried
// at the pace it had, since its interval cannot be read either.
func TestUnreadableObjectKeepsItsInterval(t *testing.T) {
	r := newFakeRig(t)
	r.Retries = reconciler.NewRetries(time.Second, time.Hour, func() float64 { return 0 })
	req := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(r.obj)}
	r.ends(broken())
	if _, err := r.Reconcile(t.Context(), req); err == nil {
		t.Fatal("the pass did not fail")
	}
	r.onGet = func(*sourcev1.GitRepository) error { return errAway }
	pause := time.Duration(0)
	for range 20 {
		if _, err := r.Reconcile(t.Context(), req); err == nil {
			t.Fatal("the pass did not fail")
		}
		pause = r.Retries.When(req)
	}
	if pause != interval {
		t.Errorf("got %s, want %s", pause, interval)
	}
}
