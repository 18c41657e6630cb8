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

// deferredStatus is the status and the events of passes that were not written when
// they ended. The next pass begins from it as if it had been written, and writes it
// with its own.
type deferredStatus struct {
	uid types.UID
	// since is when the first of these passes began.
	since time.Time
	// changes are those of the status, as a merge patch.
	changes map[string]any
	// events are to be sent once the status is written.
	events []events.Event
}

// deferredStatuses keeps what is deferred, by object.
type deferredStatuses struct {
	mu      sync.Mutex
	pending map[types.NamespacedName]*deferredStatus
}

// of returns what is deferred of an object; nil if nothing is.
func (d *deferredStatuses) of(obj client.Object) *deferredStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found := d.pending[client.ObjectKeyFromObject(obj)]; found != nil && found.uid == obj.GetUID() {
		return found
	}
	return nil
}

func (d *deferredStatuses) put(key types.NamespacedName, status *deferredStatus) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == nil {
		d.pending = map[types.NamespacedName]*deferredStatus{}
	}
	d.pending[key] = status
}

func (d *deferredStatuses) drop(key types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.pending, key)
}

// withDeferred returns the object as it is once its deferred status is written.
func (r *Reconciler[O, S]) withDeferred(obj O, deferred *deferredStatus) (O, error) {
	after := r.Kind.New()
	document, err := json.Marshal(obj)
	if err != nil {
		return after, fmt.Errorf("encoding the object: %w", err)
	}
	patch, err := json.Marshal(map[string]any{"status": deferred.changes})
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

// deferral returns for how long writing the status is deferred. Nobody needs to know
// within a second that an object is waiting: what it waits for may have come by
// then. And while objects of others are to be corrected, success can wait as long;
// the time until that is checked again doubles.
func (p *pass[O, S]) deferral(out Outcome) time.Duration {
	if p.r.NoDefer {
		return 0
	}
	since := p.scope.Common().Start
	if p.deferred != nil {
		since = p.deferred.since
	}
	now := p.r.Clock.Now()
	rest := since.Add(reportAfter).Sub(now)
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

// deferStatus keeps the end of the pass for a later one to write.
func (p *pass[O, S]) deferStatus(due []events.Event) error {
	changes, err := statusChanges(p.snapshot, p.obj)
	if err != nil {
		return err
	}
	deferred := &deferredStatus{uid: p.obj.GetUID(), since: p.scope.Common().Start, changes: changes, events: due}
	if p.deferred != nil {
		deferred.since = p.deferred.since
	}
	p.r.deferred.put(client.ObjectKeyFromObject(p.obj), deferred)
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
	p.r.deferred.drop(client.ObjectKeyFromObject(p.obj))
}
