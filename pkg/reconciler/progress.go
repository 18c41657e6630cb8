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

// reportAfter is how long an object is worked on, or waits, before its status says
// so.
const reportAfter = time.Second

// progress says in the status what a running pass is doing: once it has run for a
// second, and again when another step has run for as long. It writes from a copy of the
// object, so that phases never see it. It also ends the context of a pass that takes
// longer than it may.
type progress[O Object, S Scoped] struct {
	pass  *pass[O, S]
	timer clock.Timer
	done  chan struct{}
	// entered says that a step with another text has begun.
	entered chan struct{}
	ended   sync.WaitGroup

	mu      sync.Mutex
	message string
	// reported says that a step was reported: the next is once it takes as long.
	reported bool
	// interim is the object with the progress written into it, once reported.
	interim *pass[O, S]
}

// watchProgress watches a pass until stop is called. The context ends when the limit has
// passed, if there is one.
func (p *pass[O, S]) watchProgress(ctx context.Context, limit time.Duration) (context.Context, *progress[O, S]) {
	w := &progress[O, S]{pass: p, timer: p.r.Clock.NewTimer(reportAfter), done: make(chan struct{}), entered: make(chan struct{}, 1)}
	bounded, cancel := context.WithCancelCause(ctx)
	var over <-chan time.Time
	stop := func() {}
	if limit > 0 {
		timer := p.r.Clock.NewTimer(limit)
		over, stop = timer.C(), func() { timer.Stop() }
	}
	w.ended.Go(func() {
		defer stop()
		defer cancel(context.Canceled)
		w.run(ctx, over, func() { cancel(&timeoutError{limit}) })
	})
	return bounded, w
}

// run reports progress until the pass has ended.
func (w *progress[O, S]) run(ctx context.Context, over <-chan time.Time, end func()) {
	said, waited := "", false // what was reported last, and whether the step at hand took long enough
	for {
		select {
		case <-w.done:
			return
		case <-over:
			end()
			over = nil
		case <-w.timer.C():
			waited = true
		case <-w.entered:
			waited = waited && said == ""
		}
		if message := w.current(); waited && message != said {
			w.mu.Lock()
			w.reported = true
			w.mu.Unlock()
			w.report(ctx, message)
			said = message
		}
	}
}

func (w *progress[O, S]) current() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.message
}

// enter sets what is reported while the coming phase runs.
func (w *progress[O, S]) enter(message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if message == "" || message == w.message {
		return
	}
	w.message = message
	if w.reported {
		w.timer.Reset(reportAfter)
	}
	select {
	case w.entered <- struct{}{}:
	default:
	}
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
func (w *progress[O, S]) report(ctx context.Context, message string) {
	p, base := w.pass, w.pass.snapshot
	if w.interim != nil {
		base = w.interim.snapshot
	}
	interim := &pass[O, S]{r: p.r, obj: base.DeepCopyObject().(O), snapshot: base}
	common := interim.obj.CommonStatus()
	common.Conditions = status.Derive(status.Input{
		Previous: p.before, ObservedGeneration: common.ObservedGeneration,
		Generation: interim.obj.GetGeneration(), Now: p.r.Clock.Now(),
		Outcome: status.Summary{Kind: status.InProgress, Reason: meta.ReasonProgressing, Message: message},
	}).Conditions
	if err := interim.patchStatus(ctx, base); err != nil {
		logf.FromContext(ctx).V(1).Info("reporting progress", "error", err.Error())
		return
	}
	w.interim = interim
}
