package controller

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
)

// TestWhenUnitsAreWoken: what somebody changed is looked at now, what tells of itself
// how it is once it has finished telling.
func TestWhenUnitsAreWoken(t *testing.T) {
	unit := types.NamespacedName{Namespace: "flux-system", Name: "apps"}
	cases := map[string]struct {
		wake func(*waker)
		want []time.Duration
		why  string
	}{
		"Drift":     {func(w *waker) { w.correct(unit) }, []time.Duration{0}, "a hand edit is corrected at once"},
		"Reference": {func(w *waker) { w.wake(unit) }, []time.Duration{0}, "a changed ConfigMap is applied at once"},
		"Answer":    {func(w *waker) { w.answer(unit) }, []time.Duration{0}, "somebody waits for it"},
		"Health":    {func(w *waker) { w.judge(unit) }, []time.Duration{flurry}, "a Deployment writes twice before it is well"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w, q := newWaker(), &delays{}
			w.queue = q
			tc.wake(w)
			if diff := cmp.Diff(tc.want, q.after); diff != "" {
				t.Errorf("because %s: %s", tc.why, diff)
			}
		})
	}
}

// delays notes after what time something is due.
type delays struct {
	queue

	after []time.Duration
}

func (d *delays) AddAfter(_ ctrl.Request, after time.Duration) { d.after = append(d.after, after) }
