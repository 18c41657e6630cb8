package scenario

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// hugeObjects is how many objects the unit has.
const hugeObjects = 5000

func hugeUnit(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	install, quick, err := hugeInstall(ctx, r, "install")
	if err != nil {
		return nil, err
	}
	steps := []report.Step{install}
	for _, next := range []func(context.Context, *rig.Rig) (report.Step, error){hugeNoop, hugeChange} {
		step, err := next(ctx, r)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	serial, slow, err := hugeOneAtATime(ctx, r.Lab)
	if err != nil {
		return nil, err
	}
	serial.Figures = append(serial.Figures,
		report.AtLeast("applying, compared with many at once", slow.Seconds()/quick.Seconds(), "times", hugeTimes))
	return append(steps, serial), nil
}

// hugeOneAtATime repeats the first apply in a world in which one object of a unit is applied at a time.
func hugeOneAtATime(ctx context.Context, lab *rig.Lab) (step report.Step, applying time.Duration, err error) {
	alone, err := lab.Open(ctx, rig.Setup{OneAtATime: true})
	if err != nil {
		return report.Step{}, 0, err
	}
	step, applying, err = hugeInstall(ctx, alone, "install, one object at a time")
	if closed := alone.Close(); err == nil {
		err = closed
	}
	return step, applying, err
}

// hugeInstall creates the unit. Applying is the time from the first request for one of its objects to the answer to the last.
func hugeInstall(ctx context.Context, r *rig.Rig, name string) (step report.Step, applying time.Duration, err error) {
	objects := r.Lab.Scale.Of(hugeObjects)
	if err := r.Fleet.PrepareHuge(ctx, objects); err != nil {
		return report.Step{}, 0, err
	}
	log, err := meter.LogFrom(r.World.Cluster().AuditLog())
	if err != nil {
		return report.Step{}, 0, err
	}
	busy := meter.WatchBusy(ctx)
	defer busy.Stop()
	wall, use, err := r.Timed(ctx, name, 15*time.Second, func(ctx context.Context) (time.Time, error) {
		if err := r.Fleet.CreateUnit(ctx, fleet.Huge()); err != nil {
			return time.Now(), err
		}
		return awaitHuge(ctx, r, "be ready", func(fleet.State) bool { return true })
	})
	if err != nil {
		return report.Step{}, 0, err
	}
	first, last, err := hugeSpan(log)
	if err != nil {
		return report.Step{}, 0, err
	}
	percent, err := busy.Between(first, last)
	applying = last.Sub(first)
	judged := report.AtLeast("both cores busy while applying", percent, "%", hugeBusy)
	if strings.Contains(name, "one object") {
		judged.Least = nil // Nobody promises that of one object at a time.
	}
	return report.Step{Name: name, Use: use, Figures: append([]report.Figure{
		report.Of("until ready", rig.Milliseconds(wall), "ms"),
		report.Of("applying, first request to last answer", rig.Milliseconds(applying), "ms"),
		report.Of("objects per second while applying", float64(objects)/applying.Seconds(), "objects/s"),
		judged,
	}, costs(use)...)}, applying, err
}

// hugeSpan is from the first request of kustomize-controller for an object of the unit to the answer to the last.
func hugeSpan(log *meter.Log) (first, last time.Time, err error) {
	user, _ := devcluster.ServiceAccountIdentity(world.Namespace, string(world.Kustomize))
	events, err := log.Events(user)
	if err != nil {
		return first, last, err
	}
	objects := "/api/v1/namespaces/" + fleet.Huge().Namespace + "/configmaps"
	first, last, _ = meter.Span(events, func(e meter.Event) bool {
		return strings.HasPrefix(e.URI, objects) && e.Verb != "list"
	})
	return first, last, nil
}

func hugeNoop(ctx context.Context, r *rig.Rig) (report.Step, error) {
	const name = "no-op"
	pages := math.Ceil(float64(r.Lab.Scale.Of(hugeObjects)) / hugePage)
	wall, use, err := r.Timed(ctx, name, 3*time.Second, func(ctx context.Context) (time.Time, error) {
		token, err := r.Fleet.RequestUnit(ctx, fleet.Huge())
		if err != nil {
			return time.Now(), err
		}
		return awaitHuge(ctx, r, "handle a request", func(s fleet.State) bool { return s.Status.LastHandledReconcileAt == token })
	})
	if err != nil {
		return report.Step{}, err
	}
	return report.Step{Name: name, Use: use, Figures: append([]report.Figure{
		report.Of("until answered", rig.Milliseconds(wall), "ms"),
		report.AtMost("requests of kustomize-controller", float64(use.TotalOf(world.Kustomize)), "", pages+hugeNoopBeside),
	}, costs(use)...)}, nil
}

func hugeChange(ctx context.Context, r *rig.Rig) (report.Step, error) {
	const name, value = "change one", "changed"
	objects := r.Lab.Scale.Of(hugeObjects)
	changed := r.Random.IntN(objects)
	revision, err := r.Fleet.CommitHuge(ctx, objects, changed, value)
	if err != nil {
		return report.Step{}, err
	}
	unit := fleet.Huge()
	wall, use, err := r.Timed(ctx, name, 3*time.Second, func(ctx context.Context) (time.Time, error) {
		if err := r.Fleet.PullSource(ctx, unit.Source); err != nil {
			return time.Now(), err
		}
		return awaitHuge(ctx, r, "report "+revision, func(s fleet.State) bool { return s.Status.LastAppliedRevision == revision })
	})
	if err != nil {
		return report.Step{}, err
	}
	if _, err := r.Fleet.AwaitValue(ctx, fleet.HugeKey(changed), value, 0); err != nil {
		return report.Step{}, err
	}
	size, err := r.Fleet.StatusSize(ctx, unit)
	return report.Step{Name: name, Use: use, Figures: append([]report.Figure{
		report.AtMost("until done", rig.Milliseconds(wall), "ms", hugeChangeWall),
		report.AtMost("requests of kustomize-controller", float64(use.TotalOf(world.Kustomize)), "", hugeChangeRequests),
		report.AtMost("size of the status", float64(size), "bytes", statusBytes),
	}, costs(use)...)}, err
}

func awaitHuge(ctx context.Context, r *rig.Rig, what string, done func(fleet.State) bool) (time.Time, error) {
	return r.Fleet.AwaitUnits(ctx, []fleet.Unit{fleet.Huge()}, what, func(s fleet.State) bool { return s.Ready() && done(s) })
}
