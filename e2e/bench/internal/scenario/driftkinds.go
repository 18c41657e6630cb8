package scenario

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// needObjects is how many objects a unit needs for every kind of drift to have one of its own.
const needObjects = 4

// driftKind is something that another client does to one object of a unit.
type driftKind struct {
	name  string
	limit float64
	// edit does it, and correct waits until it is undone.
	edit    func(context.Context, *fleet.Fleet, fleet.Unit) (uint64, error)
	correct func(context.Context, *fleet.Fleet, fleet.Unit, uint64) (time.Time, error)
}

// kinds lists them; each touches objects of a kind that the others leave alone.
func kinds() []driftKind {
	return []driftKind{
		{"spec field", rig.DriftLatency, editImage, imageCorrected},
		{"label", rig.DriftLatency, editLabel, labelCorrected},
		{"deleted", deletionLatency, deleteAccount, accountBack},
	}
}

// ones is how many objects are edited one after another; they are units of their own.
const ones = 10

func driftKinds(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	if n := r.Fleet.Shape.Objects; n < needObjects {
		return nil, fmt.Errorf("units of %d objects lack kinds that this cell edits, which are %d", n, needObjects)
	}
	var alone []fleet.Unit
	for i := range ones {
		alone = append(alone, r.Last(i))
	}
	many := r.Some(0, rig.Edits)
	var steps []report.Step
	for _, kind := range kinds() {
		one, err := driftAtOnce(ctx, r, kind, alone, 1)
		if err != nil {
			return nil, err
		}
		all, err := driftAtOnce(ctx, r, kind, many, len(many))
		if err != nil {
			return nil, err
		}
		steps = append(steps, one, all)
	}
	for _, units := range [][]fleet.Unit{alone[:1], r.Some(rig.Edits, rig.Edits)} {
		foreign, err := addForeign(ctx, r, units)
		if err != nil {
			return nil, err
		}
		steps = append(steps, foreign)
	}
	return steps, nil
}

// driftAtOnce does something to an object of every unit, to so many at the same time.
func driftAtOnce(ctx context.Context, r *rig.Rig, kind driftKind, units []fleet.Unit, atOnce int) (report.Step, error) {
	var mu sync.Mutex
	var latencies []time.Duration
	name := fmt.Sprintf("%s, %d at once", kind.name, atOnce)
	use, err := r.Measure(ctx, name, 3*time.Second, func(ctx context.Context) error {
		return fleet.Each(ctx, len(units), atOnce, func(ctx context.Context, i int) error {
			version, err := kind.edit(ctx, r.Fleet, units[i])
			if err != nil {
				return err
			}
			began := time.Now()
			at, err := kind.correct(ctx, r.Fleet, units[i], version)
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, at.Sub(began))
			return err
		})
	})
	return report.Step{Name: name, Use: use, Figures: append(rig.Latencies("corrected", latencies, kind.limit),
		report.Of("requests per edit", float64(use.Total())/float64(max(len(latencies), 1)), "each"),
		report.Of("CPU of the controllers", use.CPU(), "s"))}, err
}

func editImage(ctx context.Context, f *fleet.Fleet, u fleet.Unit) (uint64, error) {
	return f.EditImage(ctx, u, "registry.example.com/app:edited")
}

func imageCorrected(ctx context.Context, f *fleet.Fleet, u fleet.Unit, after uint64) (time.Time, error) {
	return fleet.AwaitObject(ctx, f.Deployments, u.Key(), "have its image back", func(o fleet.Object, ok bool) bool {
		return ok && o.Image() == fleet.InitialImage && o.Metadata.Version() > after
	})
}

func editLabel(ctx context.Context, f *fleet.Fleet, u fleet.Unit) (uint64, error) {
	return f.EditLabel(ctx, u, "edited")
}

func labelCorrected(ctx context.Context, f *fleet.Fleet, u fleet.Unit, after uint64) (time.Time, error) {
	return fleet.AwaitObject(ctx, f.Services, u.Key(), "have its label back", func(o fleet.Object, ok bool) bool {
		return ok && o.Metadata.Labels[fleet.LabelKey] == u.Name && o.Metadata.Version() > after
	})
}

// deleteAccount returns the version that the object had: a new one has a later one.
func deleteAccount(ctx context.Context, f *fleet.Fleet, u fleet.Unit) (uint64, error) {
	before, ok := f.Accounts.Get(u.Key())
	if !ok {
		return 0, fmt.Errorf("deleting ServiceAccount %s: it is not there", u.Key())
	}
	return before.Metadata.Version(), f.DeleteAccount(ctx, u)
}

func accountBack(ctx context.Context, f *fleet.Fleet, u fleet.Unit, after uint64) (time.Time, error) {
	return fleet.AwaitObject(ctx, f.Accounts, u.Key(), "exist again", func(o fleet.Object, ok bool) bool {
		return ok && o.Metadata.Version() > after
	})
}

// foreignKey is a key that is not in Git.
const foreignKey = "foreign"

// addForeign adds fields that are nobody's business: what counts is that they stay, and what looking at them costs.
func addForeign(ctx context.Context, r *rig.Rig, units []fleet.Unit) (report.Step, error) {
	name := fmt.Sprintf("foreign field, %d", len(units))
	use, err := r.Measure(ctx, name, 3*time.Second, func(ctx context.Context) error {
		return fleet.Each(ctx, len(units), len(units), func(ctx context.Context, i int) error {
			_, err := r.Fleet.AddData(ctx, units[i], foreignKey, "kept")
			return err
		})
	})
	if err != nil {
		return report.Step{}, err
	}
	touched := 0
	for _, u := range units {
		if row, _ := r.Fleet.ConfigMaps.Get(u.Key()); row.Data[foreignKey] != "kept" {
			touched++
		}
	}
	return report.Step{Name: name, Use: use, Figures: []report.Figure{
		report.AtMost("objects touched", float64(touched), "", 0),
		report.Of("requests", float64(use.Total()), ""), report.Of("CPU of the controllers", use.CPU(), "s"),
	}}, nil
}
