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

// AwaitRevision waits until units report that they have applied a revision.
func (f *Fleet) AwaitRevision(ctx context.Context, units []Unit, revision string) (time.Time, error) {
	return f.AwaitUnits(ctx, units, "report "+revision, func(s State) bool {
		return s.Status.LastAppliedRevision == revision && s.Ready()
	})
}

// AwaitBase waits until units have what is in the base that they share.
func (f *Fleet) AwaitBase(ctx context.Context, units []Unit, value string) (time.Time, error) {
	want := make(map[string]string, len(units))
	for _, u := range units {
		want[u.BaseKey()] = value
	}
	return f.AwaitEach(ctx, want)
}

// AwaitEach waits until each of these ConfigMaps holds its value.
func (f *Fleet) AwaitEach(ctx context.Context, want map[string]string) (time.Time, error) {
	at, err := f.ConfigMaps.Await(ctx, func(rows map[string]Object) bool {
		for key, value := range want {
			if rows[key].Data[ValueKey] != value {
				return false
			}
		}
		return true
	})
	if err == nil {
		return at, nil
	}
	missing, example := 0, ""
	for key, value := range want {
		if has := f.Value(key); has != value {
			missing, example = missing+1, fmt.Sprintf("%s holds %q, not %q", key, has, value)
		}
	}
	return at, fmt.Errorf("waiting for %d ConfigMaps: %d hold something else; %s: %w", len(want), missing, example, err)
}

// AwaitPublished waits until the source reports a revision.
func (f *Fleet) AwaitPublished(ctx context.Context, revision string) (time.Time, error) {
	return f.AwaitPublishedBy(ctx, repositoryName, revision)
}

// AwaitPublishedBy waits until one of several sources reports a revision.
func (f *Fleet) AwaitPublishedBy(ctx context.Context, name, revision string) (time.Time, error) {
	key := home + "/" + name
	at, err := f.Sources.Await(ctx, func(rows map[string]State) bool { return rows[key].Status.Artifact.Revision == revision })
	if err != nil {
		row, _ := f.Sources.Get(key)
		return at, fmt.Errorf("waiting for the source to publish %s; it says %q: %w", revision, row.Condition("Ready").Message, err)
	}
	return at, nil
}

// await waits until something is true of every unit.
func (f *Fleet) await(ctx context.Context, what string, done func(State) bool) (time.Time, error) {
	return f.AwaitUnits(ctx, f.Units, what, done)
}

// AwaitUnits waits until something is true of these units.
func (f *Fleet) AwaitUnits(ctx context.Context, units []Unit, what string, done func(State) bool) (time.Time, error) {
	at, err := f.Tables.Units.Await(ctx, func(rows map[string]State) bool {
		for _, u := range units {
			if !done(rows[UnitKey(u)]) {
				return false
			}
		}
		return true
	})
	if err == nil {
		return at, nil
	}
	missing, first := 0, ""
	for _, u := range units {
		row, _ := f.Tables.Units.Get(UnitKey(u))
		if done(row) {
			continue
		}
		if missing++; missing == 1 {
			ready := row.Condition("Ready")
			first = fmt.Sprintf("%s says %s: %s", u.Name, ready.Reason, ready.Message)
		}
	}
	return at, fmt.Errorf("waiting for units to %s: %d of %d have not; %s: %w", what, missing, len(units), first, err)
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
func UnitKey(u Unit) string { return u.Home + "/" + u.Name }
