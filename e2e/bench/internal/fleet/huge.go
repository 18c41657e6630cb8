package fleet

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// PrepareHuge makes the namespace, the repository and the source of a unit of many ConfigMaps.
func (f *Fleet) PrepareHuge(ctx context.Context, objects int) error {
	if err := f.namespace(ctx, hugeName); err != nil {
		return err
	}
	files, err := huge(hugeName, objects)
	if err != nil {
		return err
	}
	f.huge, err = f.source(ctx, hugeName, files)
	return err
}

// CreateHuge creates the Kustomization.
func (f *Fleet) CreateHuge(ctx context.Context) error { return f.createUnit(ctx, hugeName, hugeName) }

// RequestHuge annotates it.
func (f *Fleet) RequestHuge(ctx context.Context) (string, error) {
	token := f.token()
	return token, f.annotate(ctx, unitPath(hugeName), token)
}

// CommitHuge changes the value of one object.
func (f *Fleet) CommitHuge(ctx context.Context, objects, i int, value string) (string, error) {
	files, err := huge(hugeName, objects)
	if err != nil {
		return "", err
	}
	const perFile = 100
	path := "huge/" + hugeFile(i/perFile*perFile)
	before, err := manifest(configMap(hugeName, HugeObject(i), initialValue))
	if err != nil {
		return "", err
	}
	after, err := manifest(configMap(hugeName, HugeObject(i), value))
	if err != nil {
		return "", err
	}
	text := strings.Replace(files[path], before, after, 1)
	hash, err := f.huge.Commit(ctx, map[string]string{path: text}, "Change "+HugeObject(i))
	return revision(hash), err
}

// PullHuge asks the source to look for commits.
func (f *Fleet) PullHuge(ctx context.Context) error {
	return f.annotate(ctx, sourcePath(hugeName), f.token())
}

// AwaitHuge waits until something is true of the Kustomization.
func (f *Fleet) AwaitHuge(ctx context.Context, what string, done func(State) bool) (time.Time, error) {
	key := home + "/" + hugeName
	at, err := f.Tables.Units.Await(ctx, func(rows map[string]State) bool { return rows[key].Ready() && done(rows[key]) })
	if err != nil {
		row, _ := f.Tables.Units.Get(key)
		ready := row.Condition("Ready")
		return at, fmt.Errorf("waiting for the unit of many objects to %s; it says %s: %s: %w", what, ready.Reason, ready.Message, err)
	}
	return at, nil
}

// HugeKey names an object of the unit in a table.
func HugeKey(i int) string { return hugeName + "/" + HugeObject(i) }
