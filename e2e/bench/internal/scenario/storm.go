package scenario

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// storm restarts everything twice. Nothing in Git changes, so neither restart may change a unit.
func storm(ctx context.Context, r *rig.Rig) ([]report.Step, error) {
	kept, err := stormOnce(ctx, r, "storage kept", func() error { return nil })
	if err != nil {
		return nil, err
	}
	empty, err := stormOnce(ctx, r, "storage emptied", func() error { return emptyStorage(r) })
	return []report.Step{kept, empty}, err
}

func stormOnce(ctx context.Context, r *rig.Rig, name string, between func() error) (report.Step, error) {
	busy, use, err := r.KillAndStart(ctx, name, between)
	if err != nil {
		return report.Step{}, err
	}
	if _, err := r.Fleet.AwaitReady(ctx); err != nil {
		return report.Step{}, err
	}
	return report.Step{Name: name, Use: use, Figures: []report.Figure{
		report.AtMost("busy", rig.Milliseconds(busy), "ms", emptyReady),
		report.AtMost("requests", float64(use.Total()), "", restartRequests),
		report.Of("CPU of the controllers", use.CPU(), "s"),
	}}, nil
}

// emptyStorage removes the artifacts of the source and the files that the consumer kept of them. A world keeps the files
// of a controller in a folder beside its log, of the same name.
func emptyStorage(r *rig.Rig) error {
	for _, c := range []world.Controller{world.Source, world.Kustomize} {
		folder := strings.TrimSuffix(r.World.LogFile(c), ".log")
		for _, name := range []string{"data", "tmp"} {
			if err := empty(folder + "/" + name); err != nil {
				return fmt.Errorf("emptying the storage of %s: %w", c, err)
			}
		}
	}
	return nil
}

func empty(folder string) error {
	entries, err := os.ReadDir(folder)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(folder + "/" + entry.Name()); err != nil {
			return err
		}
	}
	return nil
}
