package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// Pauses between attempts to list or watch a kind double from the first to the
// last. A kind whose definition appears later is not left waiting: an apply of
// one of its objects ends the pause.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = time.Minute
)

// errRelist ends a session whose watch cannot go on from where it was.
var errRelist = errors.New("the watch has to start over with a list")

// launch starts the goroutine that lists and watches a kind.
func (t *Table) launch(k *kind) {
	ctx, cancel := context.WithCancel(t.ctx)
	k.cancel = cancel
	t.group.Go(func() { t.run(ctx, k) })
}

// run lists and watches a kind until ctx ends.
func (t *Table) run(ctx context.Context, k *kind) {
	pause := firstPause
	for ctx.Err() == nil {
		worked, err := t.session(ctx, k)
		if ctx.Err() != nil || errors.Is(err, errRelist) && worked {
			pause = firstPause
			continue
		}
		if worked {
			pause = firstPause
		}
		t.opts.Log.V(1).Info("cannot watch a kind", "kind", k.gk.String(), "error", err.Error())
		t.locked(func() {
			k.failed, k.alive = true, false
			t.reassess(k)
		})
		t.pause(ctx, k, pause)
		pause = min(2*pause, lastPause)
	}
}

// pause waits before the next attempt, a little differently for every kind.
func (t *Table) pause(ctx context.Context, k *kind, d time.Duration) {
	timer := t.opts.Clock.NewTimer(d + rand.N(d/4))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	case <-k.again:
	}
}

// session lists a kind and watches it until the watch cannot go on. It reports
// whether the watch was open at all.
func (t *Table) session(ctx context.Context, k *kind) (worked bool, err error) {
	gvr, err := t.resource(k.gk)
	if err != nil {
		return false, err
	}
	l, err := t.list(ctx, k, gvr)
	if err != nil {
		return false, err
	}
	t.locked(func() { t.replace(k, l) })
	for rv := l.rv; ; worked = true {
		if rv, err = t.follow(ctx, k, gvr, rv); err != nil {
			return worked, err
		}
	}
}

func (t *Table) resource(gk schema.GroupKind) (schema.GroupVersionResource, error) {
	mapping, err := t.opts.Mapper.RESTMapping(gk)
	if err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("finding the resource of %s: %w", gk, err)
	}
	return mapping.Resource, nil
}

// selector restricts lists and watches to objects that name an owner.
func (t *Table) selector() string { return t.opts.Marker.OwnerNameKey }

// list reads a kind in pages. Without a resource version the answer is as new as
// the moment the list began.
func (t *Table) list(ctx context.Context, k *kind, gvr schema.GroupVersionResource) (*listing, error) {
	l := &listing{started: t.opts.Clock.Now(), seen: map[key]*sighting{}}
	t.locked(func() {
		l.newest = k.newest
		k.refresh.started = l.started
	})
	opts := metav1.ListOptions{LabelSelector: t.selector(), Limit: pageSize}
	for {
		page, err := t.opts.Metadata.Resource(gvr).List(ctx, opts)
		if apierrors.IsResourceExpired(err) && opts.Continue != "" {
			opts.Continue, opts.Limit = "", 0
			clear(l.seen)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", gvr.Resource, err)
		}
		for i := range page.Items {
			item := &page.Items[i]
			at := keyOf(item.Namespace, item.Name)
			l.seen[at] = t.sightAgain(k, at, item)
		}
		l.rv, l.order = page.ResourceVersion, mark.Order(page.ResourceVersion)
		if opts.Continue = page.Continue; opts.Continue == "" {
			return l, nil
		}
	}
}

// follow watches a kind from a version on until the server ends the watch, and
// returns the version to go on from.
func (t *Table) follow(ctx context.Context, k *kind, gvr schema.GroupVersionResource, rv string) (string, error) {
	seconds := int64(300 + rand.N(300))
	w, err := t.opts.Metadata.Resource(gvr).Watch(ctx, metav1.ListOptions{
		LabelSelector: t.selector(), ResourceVersion: rv, AllowWatchBookmarks: true, TimeoutSeconds: &seconds,
	})
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return "", errRelist
	}
	if err != nil {
		return "", fmt.Errorf("watching %s: %w", gvr.Resource, err)
	}
	defer w.Stop()
	opened := t.opts.Clock.Now()
	t.locked(func() {
		k.alive, k.failed = true, false
		t.reassess(k)
	})
	last, err := t.consume(ctx, k, w, rv)
	if err == nil && last == rv && t.opts.Clock.Since(opened) < time.Second {
		return "", fmt.Errorf("watching %s: the server ended the watch at once", gvr.Resource)
	}
	return last, err
}

// consume takes in the events of a watch.
func (t *Table) consume(ctx context.Context, k *kind, w watch.Interface, rv string) (string, error) {
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-k.again:
			if t.hasLost(k) {
				return "", errRelist
			}
		case e, ok := <-w.ResultChan():
			if !ok {
				return rv, nil
			}
			if e.Type == watch.Error {
				return "", errorOf(e)
			}
			obj, err := meta.Accessor(e.Object)
			if err != nil {
				return "", fmt.Errorf("reading watch event: %w", err)
			}
			rv = obj.GetResourceVersion()
			t.locked(func() { t.take(k, e.Type, obj) })
		}
	}
}

func (t *Table) take(k *kind, what watch.EventType, obj metav1.Object) {
	if what == watch.Bookmark {
		order := mark.Order(obj.GetResourceVersion())
		k.reached, k.newest = max(k.reached, order), max(k.newest, order)
		return
	}
	t.event(k, obj, what == watch.Deleted)
}

func (t *Table) hasLost(k *kind) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return k.lost
}

// errorOf reads the error that ended a watch. Whatever it is, the next thing to
// do is a list: an expired version is the usual cause.
func errorOf(e watch.Event) error {
	if err := apierrors.FromObject(e.Object); apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return err
	}
	return errRelist
}
