package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/table"
)

// AwaitReady waits until all units are ready.
func (f *Fleet) AwaitReady(ctx context.Context) (time.Time, error) {
	return f.await(ctx, "be ready", State.Ready)
}

// AwaitHandled waits until all units say that they have handled a request.
func (f *Fleet) AwaitHandled(ctx context.Context, token string) (time.Time, error) {
	return f.await(ctx, "handle a request", func(s State) bool {
		return s.Status.LastHandledReconcileAt == token && s.Ready()
	})
}

// AwaitRevision waits until all units report that they have applied a revision.
func (f *Fleet) AwaitRevision(ctx context.Context, revision string) (time.Time, error) {
	return f.await(ctx, "report "+revision, func(s State) bool {
		return s.Status.LastAppliedRevision == revision && s.Ready()
	})
}

// AwaitPublished waits until the source reports a revision.
func (f *Fleet) AwaitPublished(ctx context.Context, revision string) (time.Time, error) {
	key := home + "/" + repositoryName
	at, err := f.Sources.Await(ctx, func(rows map[string]State) bool { return rows[key].Status.Artifact.Revision == revision })
	if err != nil {
		row, _ := f.Sources.Get(key)
		return at, fmt.Errorf("waiting for the source to publish %s; it says %q: %w", revision, row.Condition("Ready").Message, err)
	}
	return at, nil
}

// await waits until something is true of every unit.
func (f *Fleet) await(ctx context.Context, what string, done func(State) bool) (time.Time, error) {
	missing := func(rows map[string]State) (n int, first State) {
		for i := len(f.Units) - 1; i >= 0; i-- {
			if row := rows[UnitKey(f.Units[i])]; !done(row) {
				n, first = n+1, row
			}
		}
		return n, first
	}
	at, err := f.Tables.Units.Await(ctx, func(rows map[string]State) bool {
		for _, u := range f.Units {
			if !done(rows[UnitKey(u)]) {
				return false
			}
		}
		return true
	})
	if err == nil {
		return at, nil
	}
	rows := map[string]State{}
	f.Tables.Units.Rows(func(s State) { rows[s.Metadata.Key()] = s })
	n, first := missing(rows)
	ready := first.Condition("Ready")
	return at, fmt.Errorf("waiting for all units to %s: %d of %d have not; %s says %s: %s: %w",
		what, n, len(f.Units), first.Metadata.Name, ready.Reason, ready.Message, err)
}

// AwaitObject waits until something is true of one object.
func AwaitObject(ctx context.Context, t *table.Table[Object], key, what string, done func(Object, bool) bool) (time.Time, error) {
	at, err := t.Await(ctx, func(rows map[string]Object) bool {
		row, ok := rows[key]
		return done(row, ok)
	})
	if err != nil {
		return at, fmt.Errorf("waiting for %s to %s: %w", key, what, err)
	}
	return at, nil
}

// AwaitValue waits until a ConfigMap that was written by the harness at a version holds a value again.
func (f *Fleet) AwaitValue(ctx context.Context, key, value string, after uint64) (time.Time, error) {
	return AwaitObject(ctx, f.ConfigMaps, key, "hold "+value, func(o Object, ok bool) bool {
		return ok && o.Data[ValueKey] == value && o.Metadata.Version() > after
	})
}

// Value returns the value that a ConfigMap holds now.
func (f *Fleet) Value(key string) string {
	row, _ := f.ConfigMaps.Get(key)
	return row.Data[ValueKey]
}

// UnitKey names the Kustomization of a unit in a table.
func UnitKey(u Unit) string { return home + "/" + u.Name }
