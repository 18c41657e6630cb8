package reconciler

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// grace is how long an object is worked on, or waits, before it says so.
const grace = time.Second

// progress says once, in the status, that a pass is still running. It writes
// from a copy of the object, so that phases never see it.
type progress[O Object, S Scoped] struct {
	pass  *pass[O, S]
	timer clock.Timer
	done  chan struct{}
	// said is closed once a phase has something to say.
	said  chan struct{}
	ended sync.WaitGroup

	mu      sync.Mutex
	message string
	// interim is the object with the progress written into it, once reported.
	interim *pass[O, S]
}

func (p *pass[O, S]) watchProgress(ctx context.Context) *progress[O, S] {
	w := &progress[O, S]{pass: p, timer: p.r.Clock.NewTimer(grace), done: make(chan struct{}), said: make(chan struct{})}
	w.ended.Go(func() {
		select {
		case <-w.done:
			return
		case <-w.timer.C():
		}
		select {
		case <-w.done:
		case <-w.said:
			w.report(ctx)
		}
	})
	return w
}

// enter sets what is reported while the coming phase runs.
func (w *progress[O, S]) enter(message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if message == "" {
		return
	}
	if w.message == "" {
		close(w.said)
	}
	w.message = message
}

// stop ends the watch. After it nothing is written any more, and the pass goes
// on from what was.
func (w *progress[O, S]) stop() {
	close(w.done)
	w.timer.Stop()
	w.ended.Wait()
	if w.interim != nil {
		w.pass.answered(w.interim.snapshot)
		w.pass.before = w.interim.snapshot.CommonStatus().Conditions
	}
}

// report writes Reconciling, and Ready Unknown, on behalf of the running pass.
func (w *progress[O, S]) report(ctx context.Context) {
	p := w.pass
	w.mu.Lock()
	message := w.message
	w.mu.Unlock()
	interim := &pass[O, S]{r: p.r, obj: p.snapshot.DeepCopyObject().(O), snapshot: p.snapshot}
	common := interim.obj.CommonStatus()
	common.Conditions = status.Derive(status.Input{
		Previous: p.before, ObservedGeneration: common.ObservedGeneration,
		Generation: interim.obj.GetGeneration(), Now: p.r.Clock.Now(),
		Outcome: status.Outcome{Kind: status.InProgress, Reason: meta.ReasonProgressing, Message: message},
	}).Conditions
	if err := interim.patchStatus(ctx, p.snapshot); err != nil {
		logf.FromContext(ctx).V(1).Info("reporting progress", "error", err.Error())
		return
	}
	w.interim = interim
}
