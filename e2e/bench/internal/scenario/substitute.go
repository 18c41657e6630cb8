package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

// perGroup is how many units share the first of their variables; all share the others.
const perGroup = 20

// shared are variables that every unit uses, beside the one of its group.
func shared() []fleet.Variables {
	return []fleet.Variables{
		{Kind: "ConfigMap", Name: "region"}, {Kind: "ConfigMap", Name: "domain"},
		{Kind: "Secret", Name: "user"}, {Kind: "Secret", Name: "password"},
	}
}

func group(i int) fleet.Variables {
	return fleet.Variables{Kind: "ConfigMap", Name: fmt.Sprintf("group%d", i/perGroup)}
}

func substitutes(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	if err := offer(ctx, r); err != nil {
		return nil, err
	}
	wall, use, err := r.Install(ctx)
	if err != nil {
		return nil, err
	}
	install := report.Step{Name: "install", Use: use, Figures: append([]report.Figure{
		report.Of("until all are ready", rig.Milliseconds(wall), "ms"),
		report.Of("GETs of ConfigMaps and Secrets", float64(reads(use.Of)), ""),
	}, costs(use)...)}
	wall, use, err = r.Timed(ctx, "no-op", 4*time.Second, r.RequestAll)
	if err != nil {
		return nil, err
	}
	noop := report.Step{Name: "no-op", Use: use, Figures: append([]report.Figure{
		report.Of("until all have answered", rig.Milliseconds(wall), "ms"),
		report.AtMost("GETs of ConfigMaps and Secrets", float64(reads(use.Of)), "", quiet),
	}, costs(use)...)}
	few := r.Fleet.Units[:min(perGroup, len(r.Fleet.Units))]
	one, err := changeVariable(ctx, r, group(0), few)
	if err != nil {
		return nil, err
	}
	every, err := changeVariable(ctx, r, shared()[0], r.Fleet.Units, group(0))
	return []report.Step{install, noop, one, every}, err
}

// reads counts single objects that are read: what is listed or watched is not counted per unit.
func reads(of func(string) int) int { return of("get configmaps") + of("get secrets") }

// offer makes the variables and has every unit use those that are its.
func offer(ctx context.Context, r *rig.Rig) error {
	all := shared()
	for i := 0; i < len(r.Fleet.Units); i += perGroup {
		all = append(all, group(i))
	}
	for _, v := range all {
		if err := r.Fleet.Offer(ctx, v, v.Name); err != nil {
			return err
		}
	}
	files := map[string]string{}
	for i := range r.Fleet.Units {
		uses, err := r.Fleet.Units[i].Substitute(append(shared(), group(i)))
		if err != nil {
			return err
		}
		maps.Copy(files, uses)
	}
	return r.Fleet.Publish(ctx, files)
}

// changedTo is the value of a variable that was changed; before, each has its own name.
const changedTo = "changed"

// changeVariable changes one that holds what it held first, and waits until the units that use it have applied the new value.
func changeVariable(ctx context.Context, r *rig.Rig, changed fleet.Variables, users []fleet.Unit, before ...fleet.Variables) (report.Step, error) {
	name := fmt.Sprintf("change of what %d units use", len(users))
	want := map[string]string{}
	for i, u := range users {
		for _, v := range append(shared(), group(i)) {
			text := v.Name
			if v == changed || slices.Contains(before, v) {
				text = changedTo
			}
			want[u.Key()] += text + "."
		}
	}
	wall, use, err := r.Timed(ctx, name, 4*time.Second, func(ctx context.Context) (time.Time, error) {
		if err := r.Fleet.Change(ctx, changed, changedTo); err != nil {
			return time.Now(), err
		}
		return r.Fleet.AwaitEach(ctx, want)
	})
	return report.Step{Name: name, Use: use, Figures: append([]report.Figure{
		report.Of("until all of them have applied it", rig.Milliseconds(wall), "ms"),
		report.Of("requests per unit", float64(use.Total())/float64(len(users)), "each"),
		report.Of("GETs of ConfigMaps and Secrets", float64(reads(use.Of)), ""),
	}, costs(use)...)}, err
}
