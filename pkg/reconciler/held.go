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

// ending is how a pass ended that was held back. The next pass begins from it as
// if it had been written, and writes it with its own.
type ending struct {
	uid types.UID
	// since is when the first pass began that was held back.
	since time.Time
	// changes are those of the status, as a merge patch.
	changes map[string]any
	// news are the events to send once the status is written.
	news []events.Event
}

// endings keeps what is held back.
type endings struct {
	mu   sync.Mutex
	held map[types.NamespacedName]*ending
}

// of returns what is held back of an object; nil if nothing is.
func (e *endings) of(obj client.Object) *ending {
	e.mu.Lock()
	defer e.mu.Unlock()
	if held := e.held[client.ObjectKeyFromObject(obj)]; held != nil && held.uid == obj.GetUID() {
		return held
	}
	return nil
}

func (e *endings) hold(key types.NamespacedName, held *ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held == nil {
		e.held = map[types.NamespacedName]*ending{}
	}
	e.held[key] = held
}

func (e *endings) drop(key types.NamespacedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.held, key)
}

// resumed returns the object as it is once what was held back of it is written.
func (r *Reconciler[O, S]) resumed(obj O, held *ending) (O, error) {
	after := r.Kind.New()
	document, err := json.Marshal(obj)
	if err != nil {
		return after, fmt.Errorf("encoding the object: %w", err)
	}
	patch, err := json.Marshal(map[string]any{"status": held.changes})
	if err != nil {
		return after, fmt.Errorf("encoding the status that was held back: %w", err)
	}
	document, err = jsonpatch.MergePatch(document, patch)
	if err != nil {
		return after, fmt.Errorf("resuming the status that was held back: %w", err)
	}
	if err := json.Unmarshal(document, after); err != nil {
		return after, fmt.Errorf("decoding the status that was held back: %w", err)
	}
	common := after.CommonStatus()
	common.Conditions = status.Merge(obj.CommonStatus().Conditions, common.Conditions, r.owns)
	return after, nil
}

// silence returns for how long the end of the pass is held back. Nobody needs to
// hear within a second that an object is waiting: what it waits for may have come
// by then. And while others are to be put right, success can wait as long; each look
// whether they still are is as far away as the first look is behind.
func (p *pass[O, S]) silence(out Outcome) time.Duration {
	since := p.scope.Common().Start
	if p.held != nil {
		since = p.held.since
	}
	now := p.r.Clock.Now()
	rest := since.Add(silence).Sub(now)
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

// hold holds the end of the pass back.
func (p *pass[O, S]) hold(news []events.Event) error {
	changes, err := statusChanges(p.snapshot, p.obj)
	if err != nil {
		return err
	}
	held := &ending{uid: p.obj.GetUID(), since: p.scope.Common().Start, changes: changes, news: news}
	if p.held != nil {
		held.since = p.held.since
	}
	p.r.endings.hold(client.ObjectKeyFromObject(p.obj), held)
	return nil
}

// release writes and tells what earlier passes held back.
func (p *pass[O, S]) release(ctx context.Context) error {
	if p.held == nil {
		return nil
	}
	if err := p.patchStatus(ctx, p.snapshot); err != nil {
		return err
	}
	p.emit(p.held.news)
	p.settled()
	return nil
}

// settled notes that nothing is held back any more.
func (p *pass[O, S]) settled() {
	p.held = nil
	p.r.endings.drop(client.ObjectKeyFromObject(p.obj))
}
