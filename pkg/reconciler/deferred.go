package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// deferred is the status write of a pass that was deferred, with its events. The
// next pass begins from it as if it had been written, and writes it with its own.
type deferred struct {
	uid types.UID
	// since is when the first deferred pass began.
	since time.Time
	// changes are those of the status, as a merge patch.
	changes map[string]any
	// events are those to send once the status is written.
	events []events.Event
}

// deferrals keeps what is deferred.
type deferrals struct {
	mu       sync.Mutex
	byObject map[types.NamespacedName]*deferred
}

// of returns what is deferred of an object; nil if nothing is.
func (q *deferrals) of(obj client.Object) *deferred {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d := q.byObject[client.ObjectKeyFromObject(obj)]; d != nil && d.uid == obj.GetUID() {
		return d
	}
	return nil
}

func (q *deferrals) put(key types.NamespacedName, d *deferred) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byObject == nil {
		q.byObject = map[types.NamespacedName]*deferred{}
	}
	q.byObject[key] = d
}

func (q *deferrals) drop(key types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.byObject, key)
}

// resumed returns the object as it is once what was deferred of it is written.
func (r *Reconciler[O, S]) resumed(obj O, d *deferred) (O, error) {
	after := r.Kind.New()
	document, err := json.Marshal(obj)
	if err != nil {
		return after, fmt.Errorf("encoding the object: %w", err)
	}
	patch, err := json.Marshal(map[string]any{"status": d.changes})
	if err != nil {
		return after, fmt.Errorf("encoding the deferred status: %w", err)
	}
	document, err = jsonpatch.MergePatch(document, patch)
	if err != nil {
		return after, fmt.Errorf("resuming the deferred status: %w", err)
	}
	if err := json.Unmarshal(document, after); err != nil {
		return after, fmt.Errorf("decoding the deferred status: %w", err)
	}
	common := after.CommonStatus()
	common.Conditions = status.Merge(obj.CommonStatus().Conditions, common.Conditions, r.owns)
	return after, nil
}

// delay returns for how long the status write of the pass is deferred. Nobody needs
// to hear within a second that an object is waiting: what it waits for may have come
// by then. And while others are to be put right, success can wait as long; whether
// they still are is asked again after as long as the pass has been deferred already.
func (p *pass[O, S]) delay(out Outcome) time.Duration {
	since := p.scope.Common().Start
	if p.deferred != nil {
		since = p.deferred.since
	}
	now := p.r.Clock.Now()
	rest := since.Add(grace).Sub(now)
	switch {
	case rest <= 0:
		return 0
	case out.status.Kind == status.InProgress:
		return max(min(rest, out.until.Sub(now)), 0)
	case out.status.Kind == status.Done && p.r.Urgent != nil && p.r.Urgent():
		return min(rest, max(now.Sub(since), time.Millisecond))
	}
	return 0
}

// postpone defers the status write of the pass.
func (p *pass[O, S]) postpone(pending []events.Event) error {
	changes, err := statusChanges(p.snapshot, p.obj)
	if err != nil {
		return err
	}
	d := &deferred{uid: p.obj.GetUID(), since: p.scope.Common().Start, changes: changes, events: pending}
	if p.deferred != nil {
		d.since = p.deferred.since
	}
	p.r.deferrals.put(client.ObjectKeyFromObject(p.obj), d)
	return nil
}

// flush writes and reports what earlier passes deferred.
func (p *pass[O, S]) flush(ctx context.Context) error {
	if p.deferred == nil {
		return nil
	}
	if err := p.patchStatus(ctx, p.snapshot); err != nil {
		return err
	}
	p.emit(p.deferred.events)
	p.flushed()
	return nil
}

// flushed notes that nothing is deferred any more.
func (p *pass[O, S]) flushed() {
	p.deferred = nil
	p.r.deferrals.drop(client.ObjectKeyFromObject(p.obj))
}
