package scenario

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// grownObjects is how many objects units have in the end.
const grownObjects = 20

// growObjects adds objects to all units and reads what kustomize-controller holds more than before, after a collection.
func growObjects(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	before, err := heldAtRest(ctx, r, "before growing")
	if err != nil {
		return nil, err
	}
	use, err := r.Measure(ctx, "grow", 0, func(ctx context.Context) error { return grow(ctx, r) })
	if err != nil {
		return nil, err
	}
	after, err := heldAtRest(ctx, r, "after growing")
	if err != nil {
		return nil, err
	}
	err = <-r.Profile(ctx, "after", time.Second) // Who wants to know what it is finds the heap there.
	return []report.Step{{Name: "grow", Use: use, Figures: memoryFigures(before, after, added(r))}}, err
}

// unreadCommits fill the caches of revisions with ones that no unit reads: what has changed in between is not revisions.
const unreadCommits = 3

func heldAtRest(ctx context.Context, r *rig.Rig, when string) (meter.Memory, error) {
	for i := range unreadCommits {
		if _, err := r.CommitUnread(ctx, fmt.Sprintf("%s, %d", when, i)); err != nil {
			return meter.Memory{}, err
		}
	}
	if err := r.AwaitIdle(ctx); err != nil {
		return meter.Memory{}, err
	}
	return r.Meter.Memory(ctx, world.Kustomize)
}

// added is how many objects came.
func added(r *rig.Rig) int { return len(r.Fleet.Units) * (grownObjects - r.Fleet.Shape.Objects) }

func memoryFigures(before, after meter.Memory, objects int) []report.Figure {
	const mib = 1 << 20
	more := func(a, b uint64) float64 { return (float64(b) - float64(a)) / float64(objects) }
	return []report.Figure{
		report.Of("objects added", float64(objects), ""),
		report.AtMost("heap per object, inventory included", more(before.Heap, after.Heap), "bytes", objectBytes),
		report.Of("resident memory per object", more(before.Resident, after.Resident), "bytes"),
		report.Of("heap before", float64(before.Heap)/mib, "MiB"),
		report.Of("heap after", float64(after.Heap)/mib, "MiB"),
	}
}

func grow(ctx context.Context, r *rig.Rig) error {
	files := map[string]string{}
	for _, u := range r.Fleet.Units {
		all, err := u.More(r.Fleet.Shape.Objects, grownObjects-r.Fleet.Shape.Objects)
		if err != nil {
			return fmt.Errorf("growing %s: %w", u.Name, err)
		}
		maps.Copy(files, all)
	}
	revision, err := r.Fleet.CommitFiles(ctx, r.Fleet.Units[0].Source, files)
	if err != nil {
		return err
	}
	if err := r.Fleet.Pull(ctx); err != nil {
		return err
	}
	_, err = r.Fleet.AwaitRevision(ctx, r.Fleet.Units, revision)
	return err
}
