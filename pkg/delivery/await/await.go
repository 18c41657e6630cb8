// Package await follows the objects whose health a unit waits for: it wakes the
// unit when one of them changes, and reads and judges those that did.
package await

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live/named"
)

// Subject is an awaited object that is not well.
type Subject struct {
	Target
	Status health.Status
}

// Subjects are the objects as messages name them.
func Subjects(unwell []Subject) []health.Subject {
	out := make([]health.Subject, 0, len(unwell))
	for _, u := range unwell {
		out = append(out, health.Subject{Name: u.ID.Subject(), Status: u.Status})
	}
	return out
}

// Check judges the awaited objects of a unit once.
type Check struct {
	Cluster *cluster.Handle
	// Rules judge kinds whose status says something of its own.
	Rules health.Rules
	// Judged holds what is known of the health of objects; after Run, of the
	// awaited ones that exist.
	Judged map[inventory.ID]Judged
	// Transient are the objects that are deleted once they completed.
	Transient map[inventory.ID]bool

	// Waiting and Failed are the objects that are not well; set by Run. What has
	// failed is awaited as well.
	Waiting, Failed []Subject
}

// Run judges the objects, and reads those that may have changed since they were
// judged last.
func (c *Check) Run(ctx context.Context, targets []Target) error {
	now := make(map[inventory.ID]Judged, len(targets))
	for _, t := range targets {
		judged, err := c.inspect(ctx, t)
		if err != nil {
			return fmt.Errorf("reading %s: %w", t.Subject(), err)
		}
		if judged.Version != "" {
			now[t.ID] = judged
		}
		if judged.Status == health.Failed {
			c.Failed = append(c.Failed, Subject{t, judged.Status})
		}
		if judged.Status != health.Current {
			c.Waiting = append(c.Waiting, Subject{t, judged.Status})
		}
	}
	c.Judged = now
	return nil
}

// Final returns what is known of transient objects that have failed: it stays true when
// they are deleted, and is what the next Check has to know of them.
func (c *Check) Final() map[inventory.ID]Judged {
	final := map[inventory.ID]Judged{}
	for id, judged := range c.Judged {
		if c.Transient[id] && judged.Status == health.Failed {
			final[id] = judged
		}
	}
	return final
}

// inspect returns the health of an object, without a version if nothing is known of it. A
// transient one that does not exist any more is as it was when it was seen last if it had
// failed, and well otherwise: only what completed is deleted by itself.
func (c *Check) inspect(ctx context.Context, t Target) (Judged, error) {
	seen, ok := Version(c.Cluster, t.ID)
	if known, was := c.Judged[t.ID]; was && ok && known.Version == seen {
		return known, nil
	}
	if there, deleting := exists(c.Cluster, t.ID); there && !deleting && c.Rules.ByExistence(t.GroupKind()) {
		return Judged{Version: seen, Status: health.Current}, nil
	}
	obj, err := c.Cluster.Read(ctx, t.ID, t.Version)
	switch {
	case err != nil:
		return Judged{}, err
	case obj != nil:
		return judge(ctx, c.Rules, obj), nil
	case c.Transient[t.ID] && c.Judged[t.ID].Status == health.Failed:
		return c.Judged[t.ID], nil
	case c.Transient[t.ID]:
		return Judged{Status: health.Current}, nil
	}
	return Judged{Status: health.NotFound}, nil
}

// judge returns the health of an object.
func judge(ctx context.Context, rules health.Rules, obj *unstructured.Unstructured) Judged {
	return Judged{Version: obj.GetResourceVersion(), Status: rules.Of(ctx, obj).Status}
}

// Changed reports that an object was not found to be well, or not as it is now.
func Changed(h *cluster.Handle, targets []Target, judged map[inventory.ID]Judged) bool {
	return slices.ContainsFunc(targets, func(t Target) bool {
		version, ok := Version(h, t.ID)
		return !ok || judged[t.ID] != Judged{Version: version, Status: health.Current}
	})
}

// Noting returns what notes the health of objects as the server answers them,
// beside what is known already: only those are read that change afterwards. It may
// be called from several goroutines; the notes are to be read when all have ended.
func Noting(ctx context.Context, rules health.Rules, known map[inventory.ID]Judged) (noted map[inventory.ID]Judged, note func(*unstructured.Unstructured)) {
	noted = make(map[inventory.ID]Judged, len(known))
	maps.Copy(noted, known)
	var mu sync.Mutex
	return noted, func(obj *unstructured.Unstructured) {
		judged := judge(ctx, rules, obj)
		mu.Lock()
		defer mu.Unlock()
		noted[inventory.IDOf(obj)] = judged
	}
}

// Follow has a unit woken when one of the objects changes: those that it applied
// by the live table, others by name. It reports whether there are any that no
// watch sees.
func Follow(h *cluster.Handle, unit types.NamespacedName, targets []Target) (poll bool) {
	all := make([]inventory.ID, 0, len(targets))
	for _, t := range targets {
		all = append(all, t.ID)
	}
	unseen := h.Live.Await(unit, all)
	refs := make([]named.Ref, 0, len(unseen))
	for _, id := range unseen {
		refs = append(refs, refOf(id))
	}
	h.Names.Follow(unit, cluster.TopicHealth, refs)
	for _, ref := range refs {
		if _, known := h.Names.Lookup(ref); !known {
			poll = true
		}
	}
	return poll
}

// exists reports that the live table sees an object, and whether it is being
// deleted.
func exists(h *cluster.Handle, id inventory.ID) (there, deleting bool) {
	seen, ok := h.Live.Lookup(id)
	return ok, seen.Deleting
}

// Version is the resource version at which an object was seen last.
func Version(h *cluster.Handle, id inventory.ID) (string, bool) {
	if seen, ok := h.Live.Lookup(id); ok {
		return seen.ResourceVersion, true
	}
	seen, known := h.Names.Lookup(refOf(id))
	return seen.ResourceVersion, known && seen.Exists
}

func refOf(id inventory.ID) named.Ref {
	return named.Ref{GroupKind: id.GroupKind(), Namespace: id.Namespace, Name: id.Name}
}
